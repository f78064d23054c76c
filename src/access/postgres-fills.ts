import type { PoolClient } from '../connect.ts';
import { chunkRows, type Fill, type WarmUse } from '../rooms.ts';

/** Smooths the load time of known keys, notes their size and replaces their tags. */
export async function addFills(
  client: PoolClient,
  fills: readonly Fill[],
  caches: ReadonlyMap<string, number>,
): Promise<void> {
  if (fills.length === 0) return;
  await client.query(
    `with fill as (
       select k.id, k.cache_id, f.load_ms, f.bytes, f.tags
         from unnest($1::smallint[], $2::text[], $3::real[], $4::int[], $5::json[]) f (cache_id, key, load_ms, bytes, tags)
         join samovar.cache_key k
           on k.cache_id = f.cache_id and hashtextextended(k.key, 0) = hashtextextended(f.key, 0) and k.key = f.key
     ), tagged as (
       select id, cache_id, tag from fill, json_array_elements_text(tags) tag
     ), costs as (
       update samovar.cache_key k
          set cost_ms = coalesce(0.8 * k.cost_ms + 0.2 * f.load_ms, f.load_ms), size_bytes = f.bytes
         from fill f where k.id = f.id
     ), gone as (
       delete from samovar.key_tag t using fill f
        where t.key_id = f.id and not exists (select from tagged n where n.id = t.key_id and n.tag = t.tag)
     )
     insert into samovar.key_tag (cache_id, tag, key_id)
     select cache_id, tag, id from tagged order by 1, 2, 3
     on conflict do nothing`,
    [
      fills.map(({ cache }) => caches.get(cache)),
      fills.map(({ key }) => key),
      fills.map(({ loadMs }) => loadMs),
      fills.map(({ bytes }) => bytes),
      fills.map(({ tags }) => JSON.stringify(tags)),
    ],
  );
}

export interface Used {
  readonly cache: string;
  readonly entries: number;
}

/** Entries with at least this for a plan were refreshed; see sql/0006_refresh.sql. */
const firstRefresh = 1_500_000_001;

/** Marks rows of plans, and refreshes, as used; answers with how many were not before, by cache. */
export async function addUses(
  client: PoolClient,
  uses: readonly WarmUse[],
): Promise<{ warms: Used[]; refreshes: Used[] }> {
  const isRefresh = ({ plan }: WarmUse) => plan >= firstRefresh;
  return {
    warms: await addWarmUses(
      client,
      uses.filter((use) => !isRefresh(use)),
    ),
    refreshes: await addRefreshUses(client, uses.filter(isRefresh)),
  };
}

async function addRefreshUses(client: PoolClient, uses: readonly WarmUse[]): Promise<Used[]> {
  if (uses.length === 0) return [];
  const { rows } = await client.query<Used>(
    `with read as (
       select r.id, r.used as before, bit_or(set_bit(repeat('0', length(r.used))::varbit, u.row, 1)) as bits
         from unnest($1::int[], $2::int[]) u (id, row)
         join samovar.refresh r on r.id = u.id and u.row < length(r.used)
        group by r.id
     ), marked as (
       update samovar.refresh r set used = r.used | read.bits from read
        where r.id = read.id and r.used | read.bits <> r.used
       returning r.cache_id, bit_count(r.used) - bit_count(read.before) as entries
     )
     select c.name as cache, sum(m.entries)::int as entries
       from marked m join samovar.cache c on c.id = m.cache_id group by c.name`,
    [uses.map(({ plan }) => plan), uses.map(({ row }) => row)],
  );
  return rows;
}

async function addWarmUses(client: PoolClient, uses: readonly WarmUse[]): Promise<Used[]> {
  if (uses.length === 0) return [];
  const { rows } = await client.query<{ cache: string; entries: number }>(
    `with read as (
       select p.plan_id, p.chunk, p.used as before,
              bit_or(set_bit(repeat('0', length(p.used))::varbit, u.row - p.first_row, 1)) as bits
         from unnest($1::int[], $2::int[]) u (plan_id, row)
         join samovar.plan_chunk p on p.plan_id = u.plan_id and p.chunk = u.row / ${chunkRows}
          and u.row >= p.first_row and u.row < p.first_row + length(p.used)
        group by p.plan_id, p.chunk
     ), marked as (
       update samovar.plan_chunk p set used = p.used | r.bits from read r
        where p.plan_id = r.plan_id and p.chunk = r.chunk and p.used | r.bits <> p.used
       returning p.plan_id, bit_count(p.used) - bit_count(r.before) as entries
     )
     select c.name as cache, sum(m.entries)::int as entries
       from marked m join samovar.plan on plan.id = m.plan_id join samovar.cache c on c.id = plan.cache_id
      group by c.name`,
    [uses.map(({ plan }) => plan), uses.map(({ row }) => row)],
  );
  return rows;
}
