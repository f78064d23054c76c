import type { PoolClient } from '../connect.ts';
import { type HalfLifeHours, halfLifeHours } from '../rooms.ts';
import { bucketCacheSql, leastForHours, leastOfHour, leftTables, lookedUpSql, profileHours } from './fold.ts';
import { changedHeatSql, type Hot, mostListed } from './postgres-hottest.ts';

const hoursOfDay = Array.from({ length: 24 }, (_, hour) => hour);
const list = (texts: readonly string[]): string => texts.join(',\n         ');
const aged = (memory: string, halfLife: HalfLifeHours): string =>
  `${memory} * ${lookedUpSql('$1 - s.last_bucket', halfLife, 2)}`;
const counted = (hour: number): string => `case when $1 % 24 = ${hour} then b.accesses else 0 end`;
const ofHour = (hour: number): string =>
  `coalesce(${aged(`s.hours[${hour + 1}]`, profileHours)}, 0) + ${counted(hour)}`;

/** How many keys of each cache, and the hottest that reach its border; borders stand by the number of the cache. */
const byCacheSql = (borders: string): string => {
  const hottest = (column: string) =>
    `coalesce((array_agg(${column} order by heat desc, key_id) filter (where heat >= (${borders}::float8[])[cache_id]))
              [1:${mostListed}], '{}')::text`;
  return `
  select cache_id as id, count(*)::int as keys, ${hottest('key_id')} as "hotKeys", ${hottest('heat')} as heats
    from folded group by cache_id`;
};

const knownSql = `
  with folded as (
    update samovar.key_state s
       set last_bucket = $1, accesses = s.accesses + b.accesses,
           ${list(halfLifeHours.map((halfLife) => `e${halfLife} = ${aged(`s.e${halfLife}`, halfLife)} + b.accesses`))},
           hours = case when ${aged(`s.e${profileHours}`, profileHours)} + b.accesses >= ${leastForHours} then array[
           ${list(hoursOfDay.map((hour) => `case when ${ofHour(hour)} < ${leastOfHour} then 0 else ${ofHour(hour)} end`))}] end
      from samovar.access_bucket b
     where b.bucket = $1 and s.key_id = b.key_id
    returning s.key_id, s.cache_id, (${changedHeatSql})::real as heat
  )${byCacheSql(`$${2 + halfLifeHours.length}`)}`;

/** The highest numbers first: most keys without a state are new, and the search ends with the last of them. */
const newSql = `
  with folded as (
    insert into samovar.key_state as s (key_id, cache_id, first_bucket, last_bucket, accesses,
                                        ${halfLifeHours.map((halfLife) => `e${halfLife}`).join(', ')}, hours)
    select b.key_id, k.cache_id, $1, $1, b.accesses, ${halfLifeHours.map(() => 'b.accesses').join(', ')},
           case when b.accesses >= ${leastForHours} then array[${hoursOfDay.map(counted).join(', ')}] end
      from (select key_id, accesses from samovar.access_bucket n
             where n.bucket = $1 and not exists (select from samovar.key_state s where s.key_id = n.key_id)
             order by key_id desc limit $2) b
      join samovar.cache_key k on k.id = b.key_id
    returning s.key_id, s.cache_id, (${changedHeatSql})::real as heat
  )${byCacheSql('$3')}`;

const asInt = (sql: string): string => sql.replaceAll('$1', '$1::int');

/** A cache that was read in an hour: how many keys of it, and how often. */
export interface ReadCache {
  readonly id: number;
  readonly name: string;
  readonly keys: number;
  readonly reads: number;
}

/** The caches that were read in an hour. */
export async function cachesReadIn(client: PoolClient, bucket: number): Promise<ReadCache[]> {
  const { rows } = await client.query<ReadCache>(
    `select c.id, c.name, r.keys, r.reads
       from (select ${bucketCacheSql} as cache_id, count(*)::int as keys, sum(b.accesses)::float8 as reads
               from samovar.access_bucket b where b.bucket = $1 group by 1) r
       join samovar.cache c on c.id = r.cache_id order by c.id`,
    [bucket],
  );
  return rows;
}

/** Keys of a cache whose states were changed, and the hottest of them that reach its border with their heat, as arrays in text. */
export interface Changed extends Hot {
  readonly id: number;
  readonly keys: number;
}

/** Adds an hour to the states that there are of its keys, each changed in its place. They know nothing of it or of a later one. */
export const foldKnown = (
  client: PoolClient,
  bucket: number,
  borders: ReadonlyMap<number, number>,
): Promise<Changed[]> =>
  byNumber(client, async () => {
    const values = [bucket, ...leftTables, byId(borders)];
    return (await client.query<Changed>(asInt(knownSql), values)).rows;
  });

/** The same for so many keys that have no state. */
export const foldNew = (
  client: PoolClient,
  bucket: number,
  borders: ReadonlyMap<number, number>,
  keys: number,
): Promise<Changed[]> =>
  byNumber(client, async () => {
    return (await client.query<Changed>(asInt(newSql), [bucket, keys, byId(borders)])).rows;
  });

/** Where a cache has no border, nothing reaches it. */
function byId(borders: ReadonlyMap<number, number>): string {
  const all = Array.from(
    { length: Math.max(0, ...borders.keys()) },
    (_, i) => borders.get(i + 1) ?? 'Infinity',
  );
  return `{${all.join(',')}}`;
}

const byNumberSettings = ['enable_hashjoin', 'enable_mergejoin', 'enable_memoize'];

/** Looks rows up one by one by their numbers: as joins statements would read all of a table through, of which an hour touches a part. */
async function byNumber<Result>(client: PoolClient, work: () => Promise<Result>): Promise<Result> {
  await client.query(byNumberSettings.map((setting) => `set local ${setting} = off`).join('; '));
  const result = await work();
  await client.query(byNumberSettings.map((setting) => `set local ${setting} to default`).join('; '));
  return result;
}
