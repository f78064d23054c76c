import type { Pool, PoolClient } from '../connect.ts';
import { hourMs } from '../duration.ts';
import { type Candidate, type HalfLifeHours, halfLifeHours } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { closedBucket, leftOf, leftSql, weightOf } from './fold.ts';
import { readEchoes } from './postgres-echoes.ts';

interface Row extends Record<`e${HalfLifeHours}`, number> {
  readonly key_id: number;
  readonly key: string;
  readonly first_bucket: number;
  readonly last_bucket: number;
  readonly accesses: string;
  /** Accesses of hours that are not folded yet. */
  readonly open: number;
  /** As text: the driver's own way with arrays costs more than all the rest. */
  readonly hours: string | null;
  readonly cost_ms: number | null;
  readonly size_bytes: number | null;
}

/** A rate is as of hours that were seen; this many unseen ones keep a single access from passing for a high rate. */
const unseenHours = 12;

/** Ages count from the last hour in which the cache was read: no reads at all mean that nobody was looking. */
const seenSql = 'select id, coalesce(least($2, last_bucket), $2) as seen from samovar.cache where name = $1';

/**
 * Only what might be hot by any memory, or in the hour that is still open, leaves Postgres. A cache that began to be read
 * an hour ago, and what rises now, are known by their open hours alone.
 */
const candidatesSql = `
  with hottest as (
    select key_id from samovar.key_state where cache_id = $1
     order by greatest(${halfLifeHours
       .map(
         (hours) =>
           `e${hours} * ${leftSql('$2 - last_bucket', hours)} * ${1 / (weightOf(hours) + unseenHours)}::float8`,
       )
       .join(', ')}) desc
     limit $3
  ), open as (
    select b.key_id, sum(b.accesses)::int as accesses, min(b.bucket) as first_bucket, max(b.bucket) as last_bucket
      from samovar.access_bucket b join samovar.cache_key k on k.id = b.key_id and k.cache_id = $1
     where b.bucket > (select coalesce(upto, -1) from samovar.fold) and b.bucket <= $4
     group by b.key_id order by accesses desc limit $3
  )
  select k.id as key_id, k.key, k.cost_ms, k.size_bytes, coalesce(s.first_bucket, o.first_bucket) as first_bucket,
         coalesce(s.last_bucket, o.last_bucket) as last_bucket,
         coalesce(s.accesses, 0) + coalesce(o.accesses, 0) as accesses, coalesce(o.accesses, 0) as open,
         s.hours::text as hours, ${halfLifeHours.map((hours) => `coalesce(s.e${hours}, 0) as e${hours}`).join(', ')}
    from (select key_id from hottest union select key_id from open) chosen left join open o using (key_id)
    -- A limit of one keeps these two look-ups by number: as joins they would read both tables through once more.
    left join lateral (select * from samovar.key_state s where s.key_id = chosen.key_id limit 1) s on true
   cross join lateral (select * from samovar.cache_key k where k.id = chosen.key_id limit 1) k`;

export interface Candidates {
  /** The last hour that their rates know of. */
  readonly lastBucket: number;
  readonly candidates: readonly Candidate[];
  /** Their numbers, by position. */
  readonly keyIds: readonly number[];
}

/** The keys of a cache that may be hot, at most `most`; none for a cache that was never read. */
export async function readCandidates(
  pool: Pool,
  cache: string,
  { now, most, echoFor }: { now: number; most: number; echoFor?: number | undefined },
): Promise<Candidates> {
  const range = { closed: closedBucket(now), open: Math.floor(now / hourMs), most, echoFor };
  return transaction(pool, (client) => candidatesOf(client, cache, range));
}

/** As of the hour `closed`, with the reads of hours after the last fold up to `open`, and the echo of an hour if one is named. */
export async function candidatesOf(
  client: PoolClient,
  cache: string,
  { closed, open, most, echoFor }: Range,
): Promise<Candidates> {
  // Compiling these statements takes longer than running them.
  await client.query('set local jit = off');
  const found = await client.query<{ id: number; seen: number }>(seenSql, [cache, closed]);
  const known = found.rows[0];
  if (known === undefined) return { lastBucket: closed, candidates: [], keyIds: [] };
  const { id, seen } = known;
  const { rows } = await client.query<Row>(candidatesSql, [id, seen, most, open]);
  const keyIds = rows.map((row) => row.key_id);
  if (echoFor === undefined)
    return { lastBucket: seen, keyIds, candidates: rows.map((row) => toCandidate(row, seen)) };
  const echoOf = await readEchoes(client, keyIds, { bucket: echoFor, last: seen });
  return {
    lastBucket: seen,
    keyIds,
    candidates: rows.map((row) => ({ ...toCandidate(row, seen), echo: echoOf(row.key_id) })),
  };
}

interface Range {
  readonly closed: number;
  readonly open: number;
  readonly most: number;
  readonly echoFor?: number | undefined;
}

function toCandidate(row: Row, seen: number): Candidate {
  const age = Math.max(0, seen - row.last_bucket);
  const rates = Object.fromEntries(
    halfLifeHours.map((hours) => [
      hours,
      (row[`e${hours}`] * leftOf(age, hours) + row.open) / weightOf(hours),
    ]),
  ) as Record<HalfLifeHours, number>;
  return {
    key: row.key,
    rates,
    knownHours: Math.max(1, seen - row.first_bucket + 1),
    lastBucket: row.last_bucket,
    accesses: Number(row.accesses),
    ...(row.hours === null ? {} : { hours: row.hours.slice(1, -1).split(',').map(Number) }),
    ...(row.cost_ms === null ? {} : { costMs: row.cost_ms }),
    ...(row.size_bytes === null ? {} : { bytes: row.size_bytes }),
  };
}
