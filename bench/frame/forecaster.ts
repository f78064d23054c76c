import { systemClock as clock } from '../../src/clock.ts';
import { openPostgres, type Pool } from '../../src/connect.ts';
import { dayMs, hourMs } from '../../src/duration.ts';
import { createForecasts } from '../../src/forecast/postgres.ts';
import { createSchema } from '../../src/schema/postgres.ts';
import { serve, usage } from './child.ts';

/** A process that folds, judges and forecasts, as a worker does. */
export interface Folded {
  readonly foldMs: number;
  readonly forecastMs: number;
  readonly keepMs: number;
  readonly rows: number;
  readonly scanMs: number;
}

let pool: Pool | undefined;
const opened = (): Pool => {
  if (pool === undefined) throw new Error('not opened');
  return pool;
};

/** The hour that is folded in the next round. */
let bucket = 490_000;

/** Keys of one cache with states as they are after weeks: few are hot, most are cold. */
const fillSql = `
  with id as (insert into samovar.cache (name, last_bucket) values ('items', $2::int - 1) returning id), keys as (
    insert into samovar.cache_key (cache_id, key, cost_ms, size_bytes, seen_bucket)
    select id.id, 'item:' || lpad(i::text, 24, '0'), 5 + i % 40, 500 + i % 4000, $2::int - 1 from id, generate_series(1, $1::int) i
    returning id, cache_id
  )
  insert into samovar.key_state (key_id, cache_id, first_bucket, last_bucket, accesses, e1, e3, e6, e24, e72, e168, hours)
  select id, cache_id, $2::int - 700, $2::int - 1 - (id % 48), (200000.0 / id)::int + 1,
         h / 5, h / 3, h / 2, h, 3 * h, 6 * h, case when h > 3 then array_fill(h::real / 8, array[24]) end
    from keys, lateral (select 20000.0::float8 / (id + 10) as h) x`;

/** An hour in which a fifth of the keys were read. */
const hourSql = `
  insert into samovar.access_bucket (bucket, key_id, cache_id, accesses)
  select $1::int, id, cache_id, 1 + (1000 / id)::int from samovar.cache_key where (id::bigint * 7919 + $1::int) % 5 = 0 or id < 2000`;

async function fill({ url, keys }: { url: string; keys: number }): Promise<void> {
  pool = await openPostgres({ url, from: 'the bench' });
  await createSchema(pool).migrate();
  await pool.query('create table samovar.access_bucket_bench partition of samovar.access_bucket default');
  await pool.query(fillSql, [keys, bucket]);
  await pool.query('update samovar.fold set upto = $1', [bucket - 1]);
  await pool.query('vacuum analyze samovar.key_state, samovar.cache_key');
}

async function round({ top }: { top: number }): Promise<Folded> {
  await opened().query(hourSql, [bucket]);
  await opened().query('analyze samovar.access_bucket');
  const forecasts = createForecasts(opened(), { retention: { plansMs: dayMs } });
  const now = (bucket + 1) * hourMs + 120_000;
  bucket += 1;
  const from = clock.elapsed();
  await opened().query('select sum(e24), sum(e168) from samovar.key_state');
  const scanned = clock.elapsed();
  await forecasts.fold(now);
  const folded = clock.elapsed();
  const made = await forecasts.forecast('items', { now, horizonMs: hourMs, most: top });
  const forecast = clock.elapsed();
  await forecasts.keep(made);
  return {
    scanMs: scanned - from,
    foldMs: folded - scanned,
    forecastMs: forecast - folded,
    keepMs: clock.elapsed() - forecast,
    rows: made.rows.length,
  };
}

serve({ fill, round, usage, close: () => opened().end() });
