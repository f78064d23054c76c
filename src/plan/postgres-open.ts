import type { Pool, PoolClient } from '../connect.ts';
import { chunkRows, type OpenPlan, type PlanRow } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { letterOf } from './letters.ts';
import { failAbandoned } from './postgres-abandoned.ts';

const largestInt = 2 ** 31 - 1;
const realDigits = 7;

export interface Opened {
  readonly opened: { readonly plan: number } | { readonly running: number };
  /** Runs of the cache that were found left behind, and ended. */
  readonly failed: readonly number[];
}

/** Keeps a plan as a queued run, whole or not at all; answers with the live run of the cache instead if there is one. */
export async function openPlan(pool: Pool, plan: OpenPlan, now: number): Promise<Opened> {
  const cacheId = await cacheIdOf(pool, plan.plan.cache);
  for (;;) {
    const opened = await transaction(pool, async (client): Promise<Opened | undefined> => {
      const failed = (await failAbandoned(client, now, cacheId)).map(({ id }) => id);
      const id = await insertRun(client, cacheId, plan, now);
      if (id === undefined) {
        const running = await liveRun(client, cacheId);
        return running === undefined ? undefined : { opened: { running }, failed };
      }
      const { rows } = plan.plan;
      for (let first = 0; first < rows.length; first += chunkRows) {
        await insertChunk(client, id, first, rows.slice(first, first + chunkRows));
      }
      return { opened: { plan: id }, failed };
    });
    // The run that was in the way ended between the two looks: there is room now.
    if (opened !== undefined) return opened;
  }
}

async function cacheIdOf(pool: Pool, cache: string): Promise<number> {
  const find = () => pool.query<{ id: number }>('select id from samovar.cache where name = $1', [cache]);
  const known = (await find()).rows[0];
  if (known) return known.id;
  await pool.query('insert into samovar.cache (name) values ($1) on conflict do nothing', [cache]);
  return (await find()).rows[0]!.id;
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
                               deadline_at, beat_at, confidence)
     values ($1, to_timestamp($2::float8 / 1000), $3, $4, $5, 'queued', $6, $7, $8, $9, $10,
             to_timestamp($11::float8 / 1000), to_timestamp($12::float8 / 1000), $13)
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
      totals.confidence ?? null,
    ],
  );
  return rows[0]?.id;
}

async function liveRun(client: PoolClient, cacheId: number): Promise<number | undefined> {
  const { rows } = await client.query<{ id: number }>(
    `select id from samovar.plan where cache_id = $1 and state in ('queued', 'running', 'paused', 'cancelling')`,
    [cacheId],
  );
  return rows[0]?.id;
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
      reals(rows, (row) => row.heat),
      reals(rows, (row) => row.costMs),
      list(rows.map((row) => Math.min(largestInt, Math.round(row.bytes)))),
      reals(rows, (row) => row.savingMs),
      letterOf.planned.repeat(rows.length),
      '0'.repeat(rows.length),
    ],
  });
}

/** Array literals made here: the driver's own way costs several times as much, and a plan has many rows. */
const list = (items: readonly (string | number)[]): string => `{${items.join(',')}}`;
const texts = (rows: readonly PlanRow[], of: (row: PlanRow) => string): string =>
  list(rows.map((row) => `"${of(row).replace(/[\\"]/g, '\\$&')}"`));
const reals = (rows: readonly PlanRow[], of: (row: PlanRow) => number): string =>
  list(rows.map((row) => realText(of(row))));

/** As many digits as a real has; Postgres refuses one that is too small or too large. */
function realText(value: number): string {
  const real = Math.fround(value);
  return Number.isFinite(real) && real !== 0 ? value.toPrecision(realDigits) : String(real);
}
