import type { PoolClient } from '../connect.ts';
import { type HalfLifeHours, halfLifeHours } from '../rooms.ts';
import { leftTables, lookedUpSql, weightOf } from './fold.ts';

/** So many are kept of each cache: what a forecast asks for, and what an hour is judged by. */
export const mostListed = 15_000;
/** A rate is as of hours that were seen; this many unseen ones keep a single access from passing for a high rate. */
const unseenHours = 12;

const shareOf = (halfLife: HalfLifeHours): string => `${1 / (weightOf(halfLife) + unseenHours)}::float8`;
const greatestOf = (sum: (halfLife: HalfLifeHours) => string): string =>
  `greatest(${halfLifeHours.map((halfLife) => `${sum(halfLife)} * ${shareOf(halfLife)}`).join(', ')})`;
/** As of the hour $2; the tables of what is left begin at the fourth argument. */
const heatSql = greatestOf(
  (halfLife) => `s.e${halfLife} * ${lookedUpSql('$2::int - s.last_bucket', halfLife, 4)}`,
);
const floorAt = `$${4 + halfLifeHours.length}`;

/** Keys that might be hot by any memory. Nobody is hotter than they would be without decay: most fall below the floor by that alone. */
const hottestSql = `
  select key_id from samovar.key_state s
   where cache_id = $1 and ${greatestOf((halfLife) => `s.e${halfLife}`)} >= ${floorAt}::float8
   order by ${heatSql} desc
   limit $3`;

/** How hot the coldest of a list is now: no less hot is anybody who is to be on the next one. None of a list that is not full. */
const floorSql = `
  select case when count(*) >= $3 then min(${heatSql}) end as floor
    from samovar.hottest h cross join unnest(h.key_ids) k
   cross join lateral (select * from samovar.key_state s where s.key_id = k and s.cache_id = $1 limit 1) s
   where h.cache_id = $1`;

/** The hottest keys of a cache as of an hour, hottest first, at most `most`, as an array in text. Reads all its states where no list is kept of it. */
export async function hottestOf(
  client: PoolClient,
  cacheId: number,
  { bucket, most }: { bucket: number; most: number },
): Promise<string> {
  const { rows } = await client.query<{ keys: string }>(
    `select key_ids[1:$3]::text as keys from samovar.hottest
      where cache_id = $1 and bucket = $2 and (cardinality(key_ids) >= $3 or cardinality(key_ids) < ${mostListed})`,
    [cacheId, bucket, most],
  );
  return rows[0]?.keys ?? (await readHottest(client, cacheId, { bucket, most }));
}

async function readHottest(
  client: PoolClient,
  cacheId: number,
  { bucket, most, floor = 0 }: { bucket: number; most: number; floor?: number | undefined },
): Promise<string> {
  const { rows } = await client.query<{ keys: string }>(`select array(${hottestSql})::text as keys`, [
    cacheId,
    bucket,
    most,
    ...leftTables,
    floor,
  ]);
  return rows[0]!.keys;
}

/** To be called when states of these caches change: their lists say nothing any more. */
export const unlistHottest = (client: PoolClient, cacheIds: readonly number[]): Promise<unknown> =>
  client.query('delete from samovar.hottest where cache_id = any($1)', [cacheIds]);

/** Writes down who is hottest by states that were changed: until the next change nobody has to read all of them again. */
export async function listHottest(client: PoolClient, cacheId: number): Promise<void> {
  const { rows } = await client.query<{ bucket: number }>(
    'select last_bucket as bucket from samovar.cache where id = $1',
    [cacheId],
  );
  const { bucket } = rows[0]!;
  // Apart from the look itself: a statement that writes is never run by several processes of Postgres at once.
  const found = await client.query<{ floor: number | null }>(floorSql, [
    cacheId,
    bucket,
    mostListed,
    ...leftTables,
  ]);
  const floor = found.rows[0]?.floor ?? undefined;
  const keys = await readHottest(client, cacheId, { bucket, most: mostListed, floor });
  await client.query(
    `insert into samovar.hottest (cache_id, bucket, key_ids) values ($1, $2, $3)
     on conflict (cache_id) do update set bucket = excluded.bucket, key_ids = excluded.key_ids`,
    [cacheId, bucket, keys],
  );
}
