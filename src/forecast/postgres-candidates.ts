import type { Pool, PoolClient } from '../connect.ts';
import { hourMs } from '../duration.ts';
import { type Echo, halfLifeHours } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { bucketCacheSql, closedBucket, leftOf, weightOf } from './fold.ts';
import { readEchoes } from './postgres-echoes.ts';
import { hottestOf } from './postgres-hottest.ts';
import type { Candidates } from './scorer.ts';

/** In the order of `candidatesSql`. */
type Row = readonly [
  keyId: number,
  key: string,
  costMs: number | null,
  bytes: number | null,
  firstBucket: number,
  lastBucket: number,
  accesses: string,
  /** Accesses of hours that are not folded yet. */
  open: number,
  /** As text: the driver's own way with arrays costs more than all the rest. */
  hours: string | null,
  ...sums: number[],
];
const columnsBeforeSums = 9;
const dayHours = 24;

/** Ages count from the last hour in which the cache was read: no reads at all mean that nobody was looking. */
const seenSql = `
  select id, coalesce(least($2, last_bucket), $2) as seen, (select coalesce(upto, -1) from samovar.fold) as folded
    from samovar.cache where name = $1`;

/**
 * Only what might be hot by any memory, or in the hour that is still open, leaves Postgres. A cache that began to be read
 * an hour ago, and what rises now, are known by their open hours alone.
 */
const candidatesSql = `
  with open as (
    select b.key_id, sum(b.accesses)::int as accesses, min(b.bucket) as first_bucket, max(b.bucket) as last_bucket
      from samovar.access_bucket b
     where b.bucket > $4 and b.bucket <= $5 and (b.cache_id = $1 or b.cache_id is null and ${bucketCacheSql} = $1)
     group by b.key_id order by accesses desc limit $3
  )
  select k.id as key_id, k.key, k.cost_ms, k.size_bytes, coalesce(s.first_bucket, o.first_bucket) as first_bucket,
         coalesce(s.last_bucket, o.last_bucket) as last_bucket,
         coalesce(s.accesses, 0) + coalesce(o.accesses, 0) as accesses, coalesce(o.accesses, 0) as open,
         s.hours::text as hours, ${halfLifeHours.map((hours) => `coalesce(s.e${hours}, 0) as e${hours}`).join(', ')}
    from (select unnest($2::int[]) as key_id union select key_id from open) chosen left join open o using (key_id)
    -- A limit of one keeps these two look-ups by number: as joins they would read both tables through once more.
    left join lateral (select * from samovar.key_state s where s.key_id = chosen.key_id limit 1) s on true
   cross join lateral (select * from samovar.cache_key k where k.id = chosen.key_id limit 1) k
   where s.key_id is not null or o.key_id is not null`;

export interface Found {
  /** The last hour that their rates know of. */
  readonly lastBucket: number;
  readonly candidates: Candidates;
  /** Their numbers, by position. */
  readonly keyIds: readonly number[];
}

/** The keys of a cache that may be hot, at most `most`; none for a cache that was never read. */
export async function readCandidates(
  pool: Pool,
  cache: string,
  { now, most, echoFor }: { now: number; most: number; echoFor?: number | undefined },
): Promise<Found> {
  const range = { closed: closedBucket(now), open: Math.floor(now / hourMs), most, echoFor };
  return transaction(pool, async (client) => {
    // A fold that ends meanwhile would count its hour twice: folded, and as one that is still open.
    await client.query('set transaction isolation level repeatable read');
    return candidatesOf(client, cache, range);
  });
}

/** As of the hour `closed`, with the reads of hours after the last fold up to `open`, and the echo of an hour if one is named. */
export async function candidatesOf(
  client: PoolClient,
  cache: string,
  { closed, open, most, echoFor }: Range,
): Promise<Found> {
  // Compiling these statements takes longer than running them.
  await client.query('set local jit = off');
  const found = await client.query<{ id: number; seen: number; folded: number }>(seenSql, [cache, closed]);
  const known = found.rows[0];
  if (known === undefined) return { lastBucket: closed, candidates: [], keyIds: [] };
  const { id, seen, folded } = known;
  const hottest = await hottestOf(client, id, { bucket: seen, most });
  const { rows } = await client.query<Row & unknown[]>({
    text: candidatesSql,
    values: [id, hottest, most, folded, open],
    rowMode: 'array',
  });
  const keyIds = rows.map(([keyId]) => keyId);
  const echoOf =
    echoFor === undefined ? undefined : await readEchoes(client, keyIds, { bucket: echoFor, last: seen });
  return { lastBucket: seen, keyIds, candidates: candidatesFrom(rows, seen, echoOf) };
}

interface Range {
  readonly closed: number;
  readonly open: number;
  readonly most: number;
  readonly echoFor?: number | undefined;
}

/**
 * Rows as candidates, each made when it is asked for: some thousand of them with all that belongs to each, kept at once, would
 * be most of a worker's memory.
 */
function candidatesFrom(
  rows: readonly Row[],
  seen: number,
  echoOf: ((keyId: number) => Echo) | undefined,
): Candidates {
  const hours = keptHours(rows);
  return {
    length: rows.length,
    at(position) {
      const row = rows[position];
      if (row === undefined) return undefined;
      const [keyId, key, costMs, bytes, firstBucket, lastBucket, accesses, open] = row;
      const age = Math.max(0, seen - lastBucket);
      const rate = (memory: number): number => {
        const halfLife = halfLifeHours[memory]!;
        const sum = row[columnsBeforeSums + memory] as number;
        return (sum * leftOf(age, halfLife) + open) / weightOf(halfLife);
      };
      const own = hours(position);
      return {
        key,
        rates: { 1: rate(0), 3: rate(1), 6: rate(2), 24: rate(3), 72: rate(4), 168: rate(5) },
        knownHours: Math.max(1, seen - firstBucket + 1),
        lastBucket,
        accesses: Number(accesses),
        ...(own === undefined ? {} : { hours: own }),
        ...(costMs === null ? {} : { costMs }),
        ...(bytes === null ? {} : { bytes }),
        ...(echoOf === undefined ? {} : { echo: echoOf(keyId) }),
      };
    },
  };
}

/** The hours of day of those rows that have any, read once and held in one place. */
function keptHours(rows: readonly Row[]): (position: number) => number[] | undefined {
  const from = Int32Array.from(rows, () => -1);
  let kept = 0;
  rows.forEach((row, position) => {
    if (row[columnsBeforeSums - 1] !== null) from[position] = dayHours * kept++;
  });
  const counts = new Float64Array(dayHours * kept);
  rows.forEach((row, position) => {
    const text = row[columnsBeforeSums - 1] as string | null;
    text
      ?.slice(1, -1)
      .split(',')
      .forEach((count, hour) => {
        counts[from[position]! + hour] = Number(count);
      });
  });
  return (position) => {
    const start = from[position]!;
    return start < 0 ? undefined : Array.from(counts.subarray(start, start + dayHours));
  };
}
