import type { PoolClient } from '../connect.ts';
import { halfLifeHours } from '../rooms.ts';
import { leftSql, weightOf } from './fold.ts';

/** So many are kept of each cache: what a forecast asks for, and what an hour is judged by. */
export const mostListed = 15_000;
/** A rate is as of hours that were seen; this many unseen ones keep a single access from passing for a high rate. */
const unseenHours = 12;

/** Keys that might be hot by any memory. */
const hottestSql = `
  select key_id from samovar.key_state where cache_id = $1
   order by greatest(${halfLifeHours
     .map(
       (hours) =>
         `e${hours} * ${leftSql('$2 - last_bucket', hours)} * ${1 / (weightOf(hours) + unseenHours)}::float8`,
     )
     .join(', ')}) desc
   limit $3`;

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
  return rows[0]?.keys ?? (await readHottest(client, cacheId, bucket, most));
}

async function readHottest(
  client: PoolClient,
  cacheId: number,
  bucket: number,
  most: number,
): Promise<string> {
  const { rows } = await client.query<{ keys: string }>(`select array(${hottestSql})::text as keys`, [
    cacheId,
    bucket,
    most,
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
  const keys = await readHottest(client, cacheId, bucket, mostListed);
  await client.query(
    `insert into samovar.hottest (cache_id, bucket, key_ids) values ($1, $2, $3)
     on conflict (cache_id) do update set bucket = excluded.bucket, key_ids = excluded.key_ids`,
    [cacheId, bucket, keys],
  );
}
