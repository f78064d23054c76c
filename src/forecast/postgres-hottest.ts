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
/** As of an hour; the tables of what is left are the arguments from number `first` on. */
const heatSql = (bucket: string, first: number): string =>
  greatestOf((halfLife) => `s.e${halfLife} * ${lookedUpSql(`${bucket} - s.last_bucket`, halfLife, first)}`);
const heatNow = heatSql('$2::int', 5);

/** Keys that might be hot by any memory, of those that are at least so hot. Most are not even without decay, which costs less to tell. */
const hottestSql = `
  select key_id from samovar.key_state s
   where cache_id = $1 and ($4::float8 = 0 or
         ${greatestOf((halfLife) => `s.e${halfLife}`)} >= $4::float8 and ${heatNow} >= $4::float8)
   order by ${heatNow} desc
   limit $3`;

/** How hot the last ones of a list were when it was made, of those whose states are what they were. */
const lastListed = 200;
const borderSql = `
  select min(${heatSql('h.bucket', 2)}) as border
    from samovar.hottest h cross join unnest(h.key_ids[${mostListed - lastListed + 1}:${mostListed}]) k
   cross join lateral (select * from samovar.key_state s where s.key_id = k limit 1) s
   where h.cache_id = $1 and s.last_bucket <= h.bucket`;
/** From one hour to the next the border moves little; where it moved more, the next try is made. The last finds everybody. */
const triesBelow = [0.95, 0.5, 0];

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
  { bucket, most, floor = 0 }: { bucket: number; most: number; floor?: number },
): Promise<string> {
  const { rows } = await client.query<{ keys: string }>(`select array(${hottestSql})::text as keys`, [
    cacheId,
    bucket,
    most,
    floor,
    ...leftTables,
  ]);
  return rows[0]!.keys;
}

/** The same for a full list: who is colder than the coldest of the list before it need not be looked at closely. */
async function readListed(client: PoolClient, cacheId: number, bucket: number): Promise<string> {
  const { rows } = await client.query<{ border: number | null }>(borderSql, [cacheId, ...leftTables]);
  const border = rows[0]?.border ?? 0;
  let keys = '';
  for (const part of border > 0 ? triesBelow : [0]) {
    keys = await readHottest(client, cacheId, { bucket, most: mostListed, floor: part * border });
    if (keys.split(',').length === mostListed) break;
  }
  return keys;
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
  const keys = await readListed(client, cacheId, bucket);
  await client.query(
    `insert into samovar.hottest (cache_id, bucket, key_ids) values ($1, $2, $3)
     on conflict (cache_id) do update set bucket = excluded.bucket, key_ids = excluded.key_ids`,
    [cacheId, bucket, keys],
  );
}
