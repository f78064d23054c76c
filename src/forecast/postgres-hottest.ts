import type { PoolClient } from '../connect.ts';
import { type HalfLifeHours, halfLifeHours } from '../rooms.ts';
import { leftOf, leftTables, lookedUpSql, weightOf } from './fold.ts';

/** So many are kept of each cache at most: what a forecast asks for, what an hour is judged by, and some to lose. */
export const mostListed = 25_000;
/** A list with fewer takes up whoever may be as hot as its last. */
const fewListed = 20_000;
/** A list that knows fewer, though there are more, is made anew. */
const leastListed = 15_000;
/** A rate is as of hours that were seen; this many unseen ones keep a single access from passing for a high rate. */
const unseenHours = 12;
/** No memory fades more slowly. */
const slowest = Math.max(...halfLifeHours) as HalfLifeHours;
/** A border is this much higher than what was computed, because arithmetic rounds. */
const bit = 1 + 1e-6;

const shareOf = (halfLife: HalfLifeHours): string => `${1 / (weightOf(halfLife) + unseenHours)}::float8`;
const greatestOf = (sum: (halfLife: HalfLifeHours) => string): string =>
  `greatest(${halfLifeHours.map((halfLife) => `${sum(halfLife)} * ${shareOf(halfLife)}`).join(', ')})`;
/** How hot a state `s` is in the hour that it was changed in. */
export const changedHeatSql = greatestOf((halfLife) => `s.e${halfLife}`);
/** As of an hour; the tables of what is left are the arguments from number `first` on. */
const heatSql = (bucket: string, first: number): string =>
  greatestOf((halfLife) => `s.e${halfLife} * ${lookedUpSql(`${bucket} - s.last_bucket`, halfLife, first)}`);

/** Keys that might be hot by any memory, hottest first, and how hot the last of them is. */
const hottestSql = `
  select array_agg(key_id)::text as keys, count(*)::int as found, min(heat) as border
    from (select key_id, ${heatSql('$2::int', 4)} as heat
            from samovar.key_state s where cache_id = $1 order by heat desc limit $3) h`;

interface Hottest {
  /** An array in text, hottest first. */
  readonly keys: string;
  readonly border: number;
}

async function readHottest(
  client: PoolClient,
  cacheId: number,
  { bucket, most }: { bucket: number; most: number },
): Promise<Hottest> {
  const { rows } = await client.query<{ keys: string | null; found: number; border: number }>(hottestSql, [
    cacheId,
    bucket,
    most,
    ...leftTables,
  ]);
  const { keys, found, border } = rows[0]!;
  return { keys: keys ?? '{}', border: found < most ? 0 : border };
}

/** The hottest keys of a cache as of an hour, hottest first, at most `most`, as an array in text. Reads all its states where no list is kept of it. */
export async function hottestOf(
  client: PoolClient,
  cacheId: number,
  { bucket, most }: { bucket: number; most: number },
): Promise<string> {
  const { rows } = await client.query<{ keys: string }>(
    `select key_ids[1:$3]::text as keys from samovar.hottest
      where cache_id = $1 and bucket = $2 and (cardinality(key_ids) >= $3 or border = 0)`,
    [cacheId, bucket, most],
  );
  return rows[0]?.keys ?? (await readHottest(client, cacheId, { bucket, most })).keys;
}

/** To be called when states of these caches change in hours that are over: their lists say nothing any more. */
export const unlistHottest = (client: PoolClient, cacheIds: readonly number[]): Promise<unknown> =>
  client.query('delete from samovar.hottest where cache_id = any($1)', [cacheIds]);

/**
 * By the number of a cache: no key that is neither on its list nor read in the hour can be hotter then. Without a list there is
 * none. It may fade with the slowest memory; while a list is long it need not, and the many keys just below it stay away.
 */
export async function bordersIn(client: PoolClient, bucket: number): Promise<ReadonlyMap<number, number>> {
  const { rows } = await client.query<{ id: number; border: number; bucket: number; listed: number }>(
    'select cache_id as id, border, bucket, cardinality(key_ids) as listed from samovar.hottest where bucket < $1',
    [bucket],
  );
  return new Map(
    rows.map((each) => {
      const fades = each.listed < fewListed ? leftOf(bucket - each.bucket, slowest) : 1;
      return [each.id, each.border * fades * bit];
    }),
  );
}

/** Keys that were read in an hour and how hot they are by it, as arrays in text. */
export interface Hot {
  readonly hotKeys: string;
  readonly heats: string;
}

const agedSql = `
  select coalesce(array_agg(key_id), '{}')::text as "hotKeys", coalesce(array_agg(heat), '{}')::text as heats
    from (select s.key_id, ${heatSql('$2::int', 4)} as heat
            from (select unnest(key_ids) as k from samovar.hottest where cache_id = $1) c
           cross join lateral (select * from samovar.key_state s where s.key_id = c.k limit 1) s) l
   where heat >= $3::float8`;

/** Who of a cache's list is at least as hot as its border in an hour of which its states know nothing yet. */
export async function agedHottest(
  client: PoolClient,
  cacheId: number,
  { bucket, border }: { bucket: number; border: number },
): Promise<Hot> {
  return (await client.query<Hot>(agedSql, [cacheId, bucket, border, ...leftTables])).rows[0]!;
}

/** Of those that were read in the hour, and of those listed that were not, all who are at least as hot as the border. */
const relistSql = `
  with hot as (
    select * from unnest($4::int[], $5::float8[]) r (key_id, heat)
    union all select * from unnest($6::int[], $7::float8[])
  ), kept as (
    select key_id, heat
      from (select * from hot
            union all
            -- Who was read is hotter than by its age alone, and where that is below the border, so is this.
            select * from unnest($8::int[], $9::float8[]) l (key_id, heat) where key_id not in (select key_id from hot)) r
     where heat >= $3::float8 order by heat desc limit ${mostListed}
  )
  update samovar.hottest h
     set bucket = $2, key_ids = coalesce(k.keys, '{}'),
         border = case when cardinality(k.keys) = ${mostListed} then k.coldest else $3::float8 end
    from (select array_agg(key_id) as keys, min(heat) as coldest from kept) k
   where h.cache_id = $1
  returning cardinality(h.key_ids) as listed, h.border`;

/** What a list is brought to an hour by: those that were read in it, with states of before and with new ones, and the aged. */
export interface Relisted {
  readonly bucket: number;
  readonly border: number | undefined;
  readonly known: Hot | undefined;
  readonly added: Hot | undefined;
  readonly aged: Hot | undefined;
}

/** Brings the list of a cache to an hour that was added to its states. */
export async function relistHottest(
  client: PoolClient,
  cacheId: number,
  { bucket, border, known, added, aged }: Relisted,
): Promise<void> {
  if (border !== undefined && aged !== undefined) {
    const arrays = [known ?? nobody, added ?? nobody, aged].flatMap(({ hotKeys, heats }) => [hotKeys, heats]);
    const values = [cacheId, bucket, border, ...arrays];
    const { rows } = await client.query<{ listed: number; border: number }>(relistSql, values);
    const list = rows[0];
    if (list && (list.listed >= leastListed || list.border === 0)) return;
  }
  await listHottest(client, cacheId);
}

const nobody: Hot = { hotKeys: '{}', heats: '{}' };

/** Writes down who is hottest by all states of a cache as they are: until the next change nobody has to read them again. */
export async function listHottest(client: PoolClient, cacheId: number): Promise<void> {
  const { rows } = await client.query<{ bucket: number }>(
    'select last_bucket as bucket from samovar.cache where id = $1',
    [cacheId],
  );
  const { bucket } = rows[0]!;
  // Apart from the look itself: a statement that writes is never run by several processes of Postgres at once.
  const { keys, border } = await readHottest(client, cacheId, { bucket, most: mostListed });
  await client.query(
    `insert into samovar.hottest (cache_id, bucket, key_ids, border) values ($1, $2, $3, $4)
     on conflict (cache_id) do update
       set bucket = excluded.bucket, key_ids = excluded.key_ids, border = excluded.border`,
    [cacheId, bucket, keys, border],
  );
}
