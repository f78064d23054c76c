import type { Pool } from '../connect.ts';
import { minuteMs } from '../duration.ts';
import type { Emitter } from '../events.ts';
import { letterOf } from './letters.ts';
import { failAbandoned } from './postgres-abandoned.ts';

/** Reads reach Postgres a little after they happened. */
const collectMs = 2 * minuteMs;
/** Rows dropped in one statement. */
const atOnce = 10_000;

/** Ends runs left behind, counts what was warmed for nothing, once per run, and drops old plans and tries of jobs. */
export async function prunePlans(
  pool: Pool,
  { now, keepMs, events }: { now: number; keepMs: number; events: Emitter },
): Promise<Record<string, number>> {
  const abandoned = await failAbandoned(pool, now);
  for (const { id, cache } of abandoned) events.emit('run:changed', { cache, run: id, state: 'failed' });
  return {
    abandoned: abandoned.length,
    closed: await closeExpired(pool, now - collectMs, events),
    plans: await dropOld(
      pool,
      `delete from samovar.plan where id in (
         select id from samovar.plan where at < to_timestamp($1::float8 / 1000) and (closed or rows = 0)
          and state in ('done', 'partial', 'failed', 'cancelled') limit 100)`,
      now - keepMs,
      100,
    ),
    jobRuns: await dropOld(
      pool,
      `delete from samovar.job_run where id in (
         select id from samovar.job_run where started_at < to_timestamp($1::float8 / 1000) limit ${atOnce})`,
      now - keepMs,
      atOnce,
    ),
  };
}

async function closeExpired(pool: Pool, before: number, events: Emitter): Promise<number> {
  const { rows } = await pool.query<{ id: number; cache: string }>(
    `select p.id, k.name as cache from samovar.plan p join samovar.cache k on k.id = p.cache_id
      where not p.closed and p.ended_at is not null
        and coalesce(p.expires_at, p.ended_at) < to_timestamp($1::float8 / 1000)
      order by p.id limit 100`,
    [before],
  );
  for (const { id, cache } of rows) {
    const chunks = await pool.query<{ results: string; used: string }>(
      'select results, used::text as used from samovar.plan_chunk where plan_id = $1',
      [id],
    );
    const unused = chunks.rows.reduce((sum, chunk) => sum + unusedIn(chunk.results, chunk.used), 0);
    const { rowCount } = await pool.query(
      'update samovar.plan set closed = true, unused = $2 where id = $1 and not closed',
      [id, unused],
    );
    if (rowCount === 1 && unused > 0) events.emit('warm:unused', { cache, entries: unused });
  }
  return rows.length;
}

/** Rows that were written and never read. */
function unusedIn(results: string, used: string): number {
  let unused = 0;
  for (let i = 0; i < results.length; i++)
    if (results[i] === letterOf.written && used[i] !== '1') unused += 1;
  return unused;
}

async function dropOld(pool: Pool, sql: string, before: number, batch: number): Promise<number> {
  let dropped = 0;
  for (;;) {
    const { rowCount } = await pool.query(sql, [before]);
    dropped += rowCount ?? 0;
    if ((rowCount ?? 0) < batch) return dropped;
  }
}
