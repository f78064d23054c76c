import type { Pool, PoolClient } from '../connect.ts';
import { minuteMs } from '../duration.ts';
import { letterOf } from './letters.ts';

/** A run that nobody has worked for this long was left behind by workers and queue alike. */
const abandonedMs = 5 * minuteMs;

/**
 * Ends live runs, of one cache or of all, that nobody works on: no claim of theirs is alive and none was settled for
 * minutes. What they have written counts; what they have not is given up.
 */
export async function failAbandoned(
  client: Pool | PoolClient,
  now: number,
  cacheId: number | null = null,
): Promise<{ id: number; cache: string }[]> {
  const { rows } = await client.query<{ id: number; cache: string }>(
    `with abandoned as (
       update samovar.plan p
          set state = 'failed', ended_at = to_timestamp($1::float8 / 1000),
              expires_at = to_timestamp(($1::float8 + p.ttl_ms) / 1000),
              why = coalesce(p.why, 'no worker went on with it')
        where ($3::int is null or p.cache_id = $3) and p.state in ('queued', 'running', 'cancelling')
          and p.beat_at < to_timestamp($2::float8 / 1000)
          and not exists (select from samovar.plan_chunk c where c.plan_id = p.id and c.state = 'claimed'
                             and c.claimed_until > to_timestamp($1::float8 / 1000))
       returning p.id, p.cache_id
     ), given_up as (
       update samovar.plan_chunk c
          set state = 'settled', worker = null, claimed_until = null, results = translate(c.results, $4, $5)
         from abandoned a where c.plan_id = a.id and c.state <> 'settled'
     )
     select a.id, k.name as cache from abandoned a join samovar.cache k on k.id = a.cache_id`,
    [now, now - abandonedMs, cacheId, letterOf.planned, letterOf.budget],
  );
  return rows;
}
