import type { Pool } from '../connect.ts';
import { dayMs, hourMs, minuteMs } from '../duration.ts';
import type { Emitter } from '../events.ts';
import type { Scorecard, ScorecardCounts } from '../rooms.ts';
import { hoursOf, toScorecard } from './scorecard.ts';

/** Reads reach Postgres a little after they happened. */
const collectMs = 2 * minuteMs;
/** Entries that live longer are not waited for: hourly counts are kept for three days. */
const longestWaitMs = 2 * dayMs;
const atOnce = 100;
/** Scorecards are kept so many times longer than plans. */
const keptTimes = 4;

interface Due {
  readonly id: number;
  readonly cache_id: number;
  readonly cache: string;
  readonly at: number;
  readonly horizon_ms: number;
  readonly ttl_ms: number;
  readonly is_over: boolean;
}

/** Compares plans whose time is over with what came, each once; answers with how many. */
export async function scorePlans(
  pool: Pool,
  { now, keepMs, events }: { now: number; keepMs: number; events: Emitter },
): Promise<{ scored: number; dropped: number }> {
  const { rows } = await pool.query<Due>(
    `select p.id, p.cache_id, k.name as cache, (extract(epoch from p.at) * 1000)::float8 as at,
            p.horizon_ms::float8 as horizon_ms, p.ttl_ms::float8 as ttl_ms,
            coalesce(p.expires_at, p.ended_at) < to_timestamp($1::float8 / 1000)
              or p.at < to_timestamp($2::float8 / 1000) as is_over
       from samovar.plan p join samovar.cache k on k.id = p.cache_id
      where not p.scored and p.ended_at is not null order by p.id limit ${atOnce}`,
    [now - collectMs, now - longestWaitMs],
  );
  let scored = 0;
  for (const due of rows) {
    const [first, last] = hoursOf({ at: due.at, horizonMs: due.horizon_ms, ttlMs: due.ttl_ms });
    // An hour that is not over, or whose counts are on their way, would make any plan look worse than it was.
    if (!due.is_over || (last + 1) * hourMs + collectMs > now) continue;
    const { rowCount } = await pool.query(scoreSql, [due.id, due.cache_id, first, last]);
    const [card] = rowCount === 1 ? await readScores(pool, due.cache, 1, due.id) : [];
    if (card === undefined) continue;
    scored += 1;
    const { precision, recall, used, extraLoads } = card;
    events.emit('plan:scored', {
      cache: due.cache,
      used,
      extraLoads,
      ...(precision === undefined ? {} : { precision }),
      ...(recall === undefined ? {} : { recall }),
    });
  }
  const { rowCount } = await pool.query(
    'delete from samovar.scorecard where at < to_timestamp($1::float8 / 1000)',
    [now - keptTimes * keepMs],
  );
  return { scored, dropped: rowCount ?? 0 };
}

/** Of $1 plan, $2 its cache, $3 and $4 the hours it spoke of. Writes nothing when another process was faster. */
const scoreSql = `
  with mine as (
    update samovar.plan set scored = true where id = $1 and not scored returning id, cache_id, at, rows, confidence
  ), written as (
    select r.key, r.used from samovar.plan_row r where r.plan_id = $1 and r.result = 'written'
  ), came as (
    select distinct b.key_id from samovar.access_bucket b
      join samovar.cache_key k on k.id = b.key_id and k.cache_id = $2
     where b.bucket between $3 and $4
  ), counted as (
    select count(*)::int as written, (count(*) filter (where w.used))::int as used,
           (count(*) filter (where exists (
             select from samovar.cache_key k join came on came.key_id = k.id
              where k.cache_id = $2 and hashtextextended(k.key, 0) = hashtextextended(w.key, 0) and k.key = w.key)))::int as read
      from written w
  )
  insert into samovar.scorecard (plan_id, cache_id, at, planned, written, read, used, foreseeable, confidence)
  select m.id, m.cache_id, m.at, m.rows, n.written, n.read, n.used,
         least(n.written, (select count(*) from came))::int, m.confidence
    from mine m cross join counted n
  on conflict (plan_id) do nothing`;

interface Row extends Omit<ScorecardCounts, 'confidence'> {
  readonly confidence: number | null;
}

/** How the last plans of a cache did, newest first; or one of them. */
export async function readScores(
  pool: Pool,
  cache: string,
  most: number,
  plan?: number,
): Promise<Scorecard[]> {
  const { rows } = await pool.query<Row>(
    `select s.plan_id as run, (extract(epoch from s.at) * 1000)::float8 as at, s.planned, s.written, s.read, s.used,
            s.foreseeable, s.confidence
       from samovar.scorecard s join samovar.cache c on c.id = s.cache_id
      where c.name = $1 and ($3::int is null or s.plan_id = $3) order by s.plan_id desc limit $2`,
    [cache, most, plan ?? null],
  );
  return rows.map(({ confidence, at, ...counts }) =>
    toScorecard({ ...counts, at: Math.round(at), ...(confidence === null ? {} : { confidence }) }),
  );
}
