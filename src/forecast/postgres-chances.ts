import type { Pool } from '../connect.ts';
import { hourMs } from '../duration.ts';
import type { Reads } from '../rooms.ts';
import { chanceOfRead, leastDays, memories, sharesOf } from './chance.ts';

interface Row {
  readonly at: number;
  readonly sums: number[] | null;
  readonly last_bucket: number | null;
  readonly first_bucket: number | null;
  readonly open: number;
}

/** Hours of day are told by the reads of so many days. */
const days = 7;
/** Hours that are not folded yet, at most; there is one unless the forecast job stands. */
const mostOpen = 6;

const chancesSql = `
  with asked as (
    select key, at::int from unnest($2::text[]) with ordinality as u (key, at)
  )
  select a.at, case when s.key_id is null then null else array[${memories.map((hours) => `s.e${hours}`).join(', ')}]::float8[] end as sums,
         s.last_bucket, least(s.first_bucket, o.first_bucket) as first_bucket, coalesce(o.accesses, 0)::int as open
    from asked a
    join samovar.cache_key k on k.cache_id = $1 and k.key = a.key
                            and hashtextextended(k.key, 0) = hashtextextended(a.key, 0)
    left join samovar.key_state s on s.key_id = k.id
    left join lateral (
      select sum(b.accesses) as accesses, min(b.bucket) as first_bucket
        from samovar.access_bucket b where b.key_id = k.id and b.bucket = any($3)
    ) o on true`;

/** How likely keys are read soon, by what their readers did so far. */
export async function readChances(
  pool: Pool,
  cache: string,
  asked: Parameters<Reads['forecasts']['chances']>[1],
  now: number,
): Promise<number[]> {
  const chances = new Array<number>(asked.length).fill(0);
  const present = Math.floor(now / hourMs);
  const known = await pool.query<{ id: number; upto: number | null }>(
    'select c.id, f.upto from samovar.cache c cross join samovar.fold f where c.name = $1',
    [cache],
  );
  const [found] = known.rows;
  if (found === undefined) return chances;
  const folded = Math.max(found.upto ?? 0, present - mostOpen);
  const open = Array.from({ length: Math.max(0, present - folded) }, (_, i) => folded + 1 + i);
  const [{ rows }, hourShares] = await Promise.all([
    pool.query<Row>(chancesSql, [found.id, asked.map(({ key }) => key), open]),
    hoursOf(pool, found.id, present),
  ]);
  for (const row of rows) {
    const key = {
      sums: row.sums ?? memories.map(() => 0),
      lastBucket: row.last_bucket ?? folded,
      knownHours: present - (row.first_bucket ?? present) + 1,
      open: row.open,
    };
    const { withinMs } = asked[row.at - 1]!;
    chances[row.at - 1] = chanceOfRead(key, { now, withinMs, folded, hourShares });
  }
  return chances;
}

/** Share of a cache's reads by hour of day; undefined while its days are too few. */
async function hoursOf(pool: Pool, cacheId: number, present: number): Promise<number[] | undefined> {
  const { rows } = await pool.query<{ hour: number; accesses: number; days: number }>(
    `select bucket % 24 as hour, sum(accesses)::float8 as accesses, count(distinct bucket)::int as days
       from samovar.access_caller where cache_id = $1 and bucket >= $2 and bucket < $3 group by 1`,
    [cacheId, present - 24 * days, present],
  );
  if (!rows.some((row) => row.days >= leastDays)) return undefined;
  const counts = new Array<number>(24).fill(0);
  for (const { hour, accesses } of rows) counts[hour] = accesses;
  return sharesOf(counts);
}
