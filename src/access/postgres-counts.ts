import type { PoolClient } from '../connect.ts';
import type { Horizon } from './horizon.ts';

/** A temporary table of counts: those of a batch of the log, or of a whole import. */
export type CountTable = 'samovar_batch' | 'samovar_import';

export interface AddedCounts {
  /** Different keys in the counts. */
  readonly keys: number;
  readonly admitted: number;
  readonly waiting: number;
}

/** Makes the session's temporary table, once; `rows` says whether its rows outlive a transaction. */
export const makeCountTable = (client: PoolClient, table: CountTable, rows: 'delete' | 'preserve') =>
  client.query(
    `create temp table if not exists ${table} (
       cache_id smallint not null, key text not null, bucket int not null,
       accesses int not null, misses int not null, bytes int
     ) on commit ${rows} rows`,
  );

/** Where late counts begin: the hours up to this one have been folded. Holds the fold off until the transaction ends. */
async function foldedUpto(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ upto: number | null }>('select upto from samovar.fold for share');
  return rows[0]?.upto ?? 0;
}

/**
 * Adds the counts of a temporary table to the buckets, within the caller's transaction and under its lock.
 * A count reaches the fold one way: as a bucket that is yet to be folded, or as a late count, never both.
 */
export async function addCounts(
  client: PoolClient,
  table: CountTable,
  horizon: Horizon,
): Promise<AddedCounts> {
  await client.query(
    `create temp table if not exists samovar_batch_key (
       cache_id smallint not null, key text not null, hash bigint not null, key_id int,
       accesses bigint not null, misses bigint not null, last_bucket int not null, bytes int
     ) on commit delete rows`,
  );
  // Clocks of other machines may be ahead.
  await client.query(`update ${table} set bucket = $1 where bucket > $1`, [horizon.bucket]);
  const keys = await findKeys(client, table);
  await openDoor(client, table, horizon);
  const waiting = await keepAtDoor(client, horizon);
  const admitted = await admitKeys(client);
  // Once more: that hardly any key has a number is no longer true.
  if (keys > fewKeys) await client.query('analyze samovar_batch_key');
  const upto = await foldedUpto(client);
  const hoursFrom = horizon.hoursFrom * 24;
  await client.query(
    `insert into samovar.access_bucket as a (bucket, key_id, cache_id, accesses, misses)
     select t.bucket, b.key_id, cache_id, ${sumOf('t.accesses')}, ${sumOf('t.misses')}
       from ${table} t join samovar_batch_key b using (cache_id, key)
      where b.key_id is not null and t.bucket >= $1
      group by t.bucket, b.key_id, cache_id order by t.bucket, b.key_id
     on conflict (bucket, key_id) do update
       set cache_id = excluded.cache_id, accesses = ${capped('a.accesses::bigint + excluded.accesses')},
           misses = ${capped('a.misses::bigint + excluded.misses')}`,
    [hoursFrom],
  );
  await client.query(
    `insert into samovar.access_late (bucket, key_id, accesses)
     select t.bucket, b.key_id, ${sumOf('t.accesses')}
       from ${table} t join samovar_batch_key b using (cache_id, key)
      where b.key_id is not null and (t.bucket <= $1 or t.bucket < $2)
      group by t.bucket, b.key_id`,
    [upto, hoursFrom],
  );
  await addDays(
    client,
    `select t.bucket, b.key_id, t.accesses
       from ${table} t join samovar_batch_key b using (cache_id, key)
      where b.key_id is not null and t.bucket >= ${horizon.daysFrom * 24} and t.bucket < ${hoursFrom}`,
  );
  return { keys, admitted, waiting };
}

/** Rolls `(bucket, key_id, accesses)` up into days, on top of what the days hold already. */
export async function addDays(client: PoolClient, select: string): Promise<number> {
  const hours = Array.from({ length: 24 }, (_, hour) =>
    capped(`sum(accesses) filter (where bucket % 24 = ${hour})`),
  );
  const { rowCount } = await client.query(
    `insert into samovar.access_day as a (day, key_id, hours)
     select bucket / 24, key_id, array[${hours}] from (${select}) counts
      group by 1, 2 order by 1, 2
     on conflict (day, key_id) do update set hours = (
       select array_agg(${capped('coalesce(was + more, was, more)')} order by hour)
         from unnest(a.hours::bigint[], excluded.hours::bigint[]) with ordinality both_(was, more, hour))`,
  );
  return rowCount ?? 0;
}

/** Null stays null, which `least` would not do. */
const capped = (sum: string): string =>
  `(case when ${sum} > 2147483647 then 2147483647 else ${sum} end)::int`;
const sumOf = (column: string): string => capped(`sum(${column})`);

/** Up to so many any plan will do. */
const fewKeys = 1_000;

async function findKeys(client: PoolClient, table: CountTable): Promise<number> {
  const { rowCount } = await client.query(
    `insert into samovar_batch_key (cache_id, key, hash, key_id, accesses, misses, last_bucket, bytes)
     select t.cache_id, t.key, t.hash, k.id, t.accesses, t.misses, t.last_bucket, t.bytes
       from (select cache_id, key, hashtextextended(key, 0) as hash, sum(accesses) as accesses,
                    sum(misses) as misses, max(bucket) as last_bucket, max(bytes) as bytes
               from ${table} group by cache_id, key) t
       left join samovar.cache_key k
         on k.cache_id = t.cache_id and hashtextextended(k.key, 0) = t.hash and k.key = t.key`,
  );
  const keys = rowCount ?? 0;
  // Temporary tables are not analyzed by themselves, and a plan for ten rows is a bad one for a million.
  if (keys > fewKeys) await client.query(`analyze ${table}, samovar_batch_key`);
  return keys;
}

/** Brings in what was put down at the first sighting of keys that are seen again. */
async function openDoor(client: PoolClient, table: CountTable, { today }: Horizon): Promise<void> {
  await client.query(
    `with seen as (
       delete from samovar.access_door d using samovar_batch_key b
        where b.key_id is null and d.day in ($1, $2) and d.cache_id = b.cache_id and d.hash = b.hash
       returning b.cache_id, b.key, d.bucket, d.misses
     ), counted as (
       insert into ${table} (cache_id, key, bucket, accesses, misses)
       select cache_id, key, bucket, 1, misses from seen
     )
     update samovar_batch_key b set accesses = b.accesses + 1 from seen s
      where b.cache_id = s.cache_id and b.key = s.key`,
    [today, today - 1],
  );
}

async function keepAtDoor(client: PoolClient, { today }: Horizon): Promise<number> {
  const { rowCount } = await client.query(
    `insert into samovar.access_door (day, cache_id, hash, bucket, misses)
     select $1, cache_id, hash, last_bucket, misses from samovar_batch_key
      where key_id is null and accesses = 1
      order by cache_id, hash
     on conflict do nothing`,
    [today],
  );
  return rowCount ?? 0;
}

/** Gives numbers to keys that were seen more than once, and notes when the known ones were seen. */
async function admitKeys(client: PoolClient): Promise<number> {
  const { rowCount } = await client.query(
    `with added as (
       insert into samovar.cache_key (cache_id, key, size_bytes, seen_bucket)
       select cache_id, key, bytes, last_bucket from samovar_batch_key
        where key_id is null and accesses > 1
        order by cache_id, key
       on conflict do nothing
       returning id, cache_id, key
     )
     update samovar_batch_key b set key_id = a.id from added a
      where b.cache_id = a.cache_id and b.key = a.key`,
  );
  // Once a day is near enough for a date that only says when to forget the key.
  await client.query(
    `update samovar.cache_key k
        set seen_bucket = greatest(k.seen_bucket, b.last_bucket), size_bytes = coalesce(b.bytes, k.size_bytes)
       from samovar_batch_key b
      where k.id = b.key_id
        and (k.seen_bucket < b.last_bucket - 24 or k.size_bytes is distinct from coalesce(b.bytes, k.size_bytes))`,
  );
  return rowCount ?? 0;
}
