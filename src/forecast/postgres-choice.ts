import type { Pool, PoolClient } from '../connect.ts';
import type { Standing } from '../rooms.ts';
import { bestOf, judged, judgedBy, leastReads } from './choice.ts';
import { experts } from './experts.ts';
import { candidatesOf } from './postgres-candidates.ts';
import { rankAll } from './rank.ts';

/** Keys by which an hour is judged at most, and candidates for each of them. */
const mostKeys = 5_000;
const spare = 3;

interface Busy {
  readonly id: number;
  readonly name: string;
  /** Different keys that were read. */
  readonly keys: number;
}

/** Asks every expert about an hour that is over but not folded yet, and notes how well each would have done. */
export async function judgeHour(client: PoolClient, bucket: number): Promise<void> {
  const { rows: busy } = await client.query<Busy>(
    `select c.id, c.name, count(*)::int as keys
       from samovar.access_bucket b join samovar.cache_key k on k.id = b.key_id join samovar.cache c on c.id = k.cache_id
      where b.bucket = $1 group by c.id, c.name having sum(b.accesses) >= $2`,
    [bucket, leastReads],
  );
  for (const cache of busy) await judgeCache(client, cache, bucket);
}

async function judgeCache(client: PoolClient, { id, name, keys }: Busy, bucket: number): Promise<void> {
  const size = Math.min(mostKeys, judgedBy(keys));
  const range = { closed: bucket - 1, open: -1, most: spare * 2 * size };
  const { candidates, lastBucket } = await candidatesOf(client, name, range);
  if (candidates.length === 0) return;
  const ranked = rankAll(experts, candidates, { bucket, lastBucket, most: size });
  const named = [...new Set([...ranked.values()].flat())].map((i) => candidates[i]!.key);
  const { rows } = await client.query<{ key: string }>(
    `select k.key from samovar.access_bucket b join samovar.cache_key k on k.id = b.key_id
      where b.bucket = $1 and k.cache_id = $2 and k.key = any($3)`,
    [bucket, id, named],
  );
  const wasRead = new Set(rows.map(({ key }) => key));
  const before = await standingsOf(client, id);
  const after = Array.from(ranked, ([expert, order]) => {
    const precision = order.filter((i) => wasRead.has(candidates[i]!.key)).length / size;
    const { score = 0, hours = 0, upto = bucket - 1 } = before.get(expert) ?? {};
    return { expert, score: judged(score, precision, bucket - upto), hours: hours + 1 };
  });
  await client.query(
    `insert into samovar.expert (cache_id, name, score, hours, upto)
     select $1, n.name, n.score, n.hours, $2 from unnest($3::text[], $4::float8[], $5::int[]) n (name, score, hours)
     on conflict (cache_id, name) do update
       set score = excluded.score, hours = excluded.hours, upto = excluded.upto where expert.upto < excluded.upto`,
    [
      id,
      bucket,
      after.map(({ expert }) => expert),
      after.map(({ score }) => score),
      after.map(({ hours }) => hours),
    ],
  );
}

async function standingsOf(client: PoolClient, cacheId: number) {
  const { rows } = await client.query<Standing & { upto: number }>(
    'select name, score, hours, upto from samovar.expert where cache_id = $1',
    [cacheId],
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** How the experts stand with a cache, those of this build only; the best first. */
export async function readStandings(pool: Pool, cache: string): Promise<Standing[]> {
  const { rows } = await pool.query<Standing>(
    `select e.name, e.score, e.hours from samovar.expert e join samovar.cache c on c.id = e.cache_id
      where c.name = $1 order by e.score desc, e.name`,
    [cache],
  );
  return rows.filter(({ name }) => experts.some((expert) => expert.name === name));
}

/** The expert that a cache's forecasts are made by; undefined while too little has been judged. */
export async function chosenFor(pool: Pool, cache: string) {
  const best = bestOf(await readStandings(pool, cache));
  return experts.find(({ name }) => name === best?.name);
}
