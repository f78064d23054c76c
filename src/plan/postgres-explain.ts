import type { Pool } from '../connect.ts';
import type { LeftOut, PastRow, RowResult } from '../rooms.ts';

interface Row {
  readonly run: number;
  readonly at: number;
  readonly row: number;
  readonly reason: string;
  readonly result: RowResult;
  readonly used: boolean;
}

/** What the last plans of a cache decided about one key, newest first; plans that left it out are left out. */
export async function pastRows(
  pool: Pool,
  cache: string,
  key: string,
  { plans }: { plans: number },
): Promise<PastRow[]> {
  const { rows } = await pool.query<Row>(
    `with last as (
       select p.id, p.at from samovar.plan p join samovar.cache c on c.id = p.cache_id
        where c.name = $1 order by p.id desc limit $3
     ), holding as (
       select c.plan_id from samovar.plan_chunk c join last on last.id = c.plan_id where $2 = any(c.keys)
     )
     select r.plan_id as run, (extract(epoch from last.at) * 1000)::float8 as at, r.row, r.reason, r.result, r.used
       from samovar.plan_row r join last on last.id = r.plan_id
      where r.plan_id in (select plan_id from holding) and r.key = $2 order by r.plan_id desc`,
    [cache, key, plans],
  );
  return rows.map(({ at, ...row }) => ({ ...row, at: Math.round(at) }));
}

/** Those of the last plans that did not hold a key, newest first: where the forecast that was kept last before each saw it. */
export async function leftOut(
  pool: Pool,
  cache: string,
  key: string,
  { plans }: { plans: number },
): Promise<LeftOut[]> {
  const { rows } = await pool.query<{
    run: number;
    at: number;
    rows: number;
    told: boolean;
    rank: number | null;
  }>(
    `with last as (
       select p.id, p.at, p.rows, p.cache_id from samovar.plan p join samovar.cache c on c.id = p.cache_id
        where c.name = $1 order by p.id desc limit $3
     )
     select last.id as run, (extract(epoch from last.at) * 1000)::float8 as at, last.rows,
            kept.id is not null as told, array_position(kept.keys, $2) as rank
       from last left join lateral (
         select f.id, f.keys from samovar.forecast f
          where f.cache_id = last.cache_id and f.at <= last.at order by f.at desc, f.id desc limit 1) kept on true
      where not exists (select from samovar.plan_chunk c where c.plan_id = last.id and $2 = any(c.keys))
      order by last.id desc`,
    [cache, key, plans],
  );
  return rows.map(({ run, at, rows: held, told, rank }) => ({
    run,
    at: Math.round(at),
    rows: held,
    isTold: told,
    ...(rank === null ? {} : { rank }),
  }));
}
