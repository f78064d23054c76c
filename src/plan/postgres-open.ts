import type { Pool, PoolClient } from '../connect.ts';
import { minuteMs } from '../duration.ts';
import type { OpenPlan, PlanRow } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { letterOf } from './letters.ts';

/** Rows of one chunk: what one worker takes at a time. */
export const chunkRows = 500;
/** A run that nobody has worked for this long was left behind by workers and queue alike. */
const abandonedMs = 5 * minuteMs;

/** Keeps a plan as a queued run, whole or not at all; answers with the live run of the cache instead if there is one. */
export async function openPlan(
  pool: Pool,
  plan: OpenPlan,
  now: number,
): Promise<{ plan: number } | { running: number }> {
  const cacheId = await cacheIdOf(pool, plan.plan.cache);
  return transaction(pool, async (client) => {
    await failAbandoned(client, cacheId, now);
    const id = await insertRun(client, cacheId, plan, now);
    if (id === undefined) return { running: await liveRun(client, cacheId) };
    const { rows } = plan.plan;
    for (let first = 0; first < rows.length; first += chunkRows) {
      await insertChunk(client, id, first, rows.slice(first, first + chunkRows));
    }
    return { plan: id };
  });
}

async function cacheIdOf(pool: Pool, cache: string): Promise<number> {
  const find = () => pool.query<{ id: number }>('select id from samovar.cache where name = $1', [cache]);
  const known = (await find()).rows[0];
  if (known) return known.id;
  await pool.query('insert into samovar.cache (name) values ($1) on conflict do nothing', [cache]);
  return (await find()).rows[0]!.id;
}

async function failAbandoned(client: PoolClient, cacheId: number, now: number): Promise<void> {
  await client.query(
    `update samovar.plan p set state = 'failed', ended_at = to_timestamp($2::float8 / 1000), why = 'no worker went on with it'
      where p.cache_id = $1 and p.state in ('queued', 'running', 'cancelling')
        and p.beat_at < to_timestamp($3::float8 / 1000)
        and not exists (select from samovar.plan_chunk c where c.plan_id = p.id and c.state = 'claimed'
                           and c.claimed_until > to_timestamp($2::float8 / 1000))`,
    [cacheId, now, now - abandonedMs],
  );
}

async function insertRun(
  client: PoolClient,
  cacheId: number,
  { plan, trigger, maxTimeMs, ttlMs }: OpenPlan,
  now: number,
): Promise<number | undefined> {
  const { totals } = plan;
  const { rows } = await client.query<{ id: number }>(
    `insert into samovar.plan (cache_id, at, horizon_ms, ttl_ms, trigger, state, rows, wished, fresh, skipped, saving_ms,
                               deadline_at, beat_at)
     values ($1, to_timestamp($2::float8 / 1000), $3, $4, $5, 'queued', $6, $7, $8, $9, $10,
             to_timestamp($11::float8 / 1000), to_timestamp($12::float8 / 1000))
     on conflict (cache_id) where state in ('queued', 'running', 'paused', 'cancelling') do nothing
     returning id`,
    [
      cacheId,
      plan.at,
      Math.round(plan.horizonMs),
      Math.round(ttlMs),
      trigger,
      plan.rows.length,
      totals.wished,
      totals.fresh,
      totals.skipped,
      totals.savingMs,
      now + maxTimeMs,
      now,
    ],
  );
  return rows[0]?.id;
}

async function liveRun(client: PoolClient, cacheId: number): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `select id from samovar.plan where cache_id = $1 order by (state in ('queued', 'running', 'paused', 'cancelling')) desc,
            id desc limit 1`,
    [cacheId],
  );
  return rows[0]!.id;
}

async function insertChunk(
  client: PoolClient,
  plan: number,
  first: number,
  rows: readonly PlanRow[],
): Promise<void> {
  await client.query({
    name: 'samovar-plan-chunk',
    text: `insert into samovar.plan_chunk
             (plan_id, chunk, first_row, keys, sources, reasons, heats, costs, sizes, savings, results, used)
           values ($1, $2, $3, $4::text[], $5::text[], $6::text[], $7::real[], $8::real[], $9::int[], $10::real[], $11, $12)`,
    values: [
      plan,
      first / chunkRows,
      first,
      texts(rows, (row) => row.key),
      texts(rows, (row) => row.source),
      texts(rows, (row) => row.reason),
      numbers(rows, (row) => row.heat),
      numbers(rows, (row) => row.costMs),
      numbers(rows, (row) => Math.round(row.bytes)),
      numbers(rows, (row) => row.savingMs),
      letterOf.planned.repeat(rows.length),
      '0'.repeat(rows.length),
    ],
  });
}

/** Array literals made here: the driver's own way costs several times as much, and a plan has many rows. */
const texts = (rows: readonly PlanRow[], of: (row: PlanRow) => string): string =>
  `{${rows.map((row) => `"${of(row).replace(/[\\"]/g, '\\$&')}"`).join(',')}}`;
const numbers = (rows: readonly PlanRow[], of: (row: PlanRow) => number): string =>
  `{${rows.map(of).join(',')}}`;
