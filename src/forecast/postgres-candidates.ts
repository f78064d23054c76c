import type { Pool } from '../connect.ts';
import { type Candidate, type HalfLifeHours, halfLifeHours } from '../rooms.ts';
import { leftOf, leftSql, weightOf } from './fold.ts';
import { closedBucket } from './postgres-fold.ts';

interface Row extends Record<`e${HalfLifeHours}`, number> {
  readonly key: string;
  readonly first_bucket: number;
  readonly last_bucket: number;
  readonly accesses: string;
  /** As text: the driver's own way with arrays costs more than all the rest. */
  readonly hours: string | null;
  readonly cost_ms: number | null;
  readonly size_bytes: number | null;
}

/** A rate is as of hours that were seen; this many unseen ones keep a single access from passing for a high rate. */
const unseenHours = 12;

/** Ages count from the last hour in which the cache was read: no reads at all mean that nobody was looking. */
const seenSql = `select id, least($2, last_bucket) as seen from samovar.cache where name = $1 and last_bucket is not null`;

/** Only what might be hot by any memory leaves Postgres. */
const candidatesSql = `
  select k.key, k.cost_ms, k.size_bytes, s.first_bucket, s.last_bucket, s.accesses, s.hours::text as hours,
         ${halfLifeHours.map((hours) => `s.e${hours}`).join(', ')}
    from (
      select key_id from samovar.key_state where cache_id = $1
       order by greatest(${halfLifeHours
         .map(
           (hours) =>
             `e${hours} * ${leftSql('$2 - last_bucket', hours)} * ${1 / (weightOf(hours) + unseenHours)}::float8`,
         )
         .join(', ')}) desc
       limit $3
    ) hottest join samovar.key_state s using (key_id) join samovar.cache_key k on k.id = s.key_id`;

export interface Candidates {
  /** The last hour that their rates know of. */
  readonly lastBucket: number;
  readonly candidates: readonly Candidate[];
}

/** The keys of a cache that may be hot, at most `most`; none for a cache that was never read. */
export async function readCandidates(
  pool: Pool,
  cache: string,
  { now, most }: { now: number; most: number },
): Promise<Candidates> {
  const found = await pool.query<{ id: number; seen: number }>(seenSql, [cache, closedBucket(now)]);
  const known = found.rows[0];
  if (known === undefined) return { lastBucket: closedBucket(now), candidates: [] };
  const { rows } = await pool.query<Row>(candidatesSql, [known.id, known.seen, most]);
  return { lastBucket: known.seen, candidates: rows.map((row) => toCandidate(row, known.seen)) };
}

function toCandidate(row: Row, seen: number): Candidate {
  const age = seen - row.last_bucket;
  const rates = Object.fromEntries(
    halfLifeHours.map((hours) => [hours, (row[`e${hours}`] * leftOf(age, hours)) / weightOf(hours)]),
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
