import type { Pool, PoolClient } from '../connect.ts';
import { halfLifeHours } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { leastReads } from './choice.ts';
import { closedBucket, leastForHours, leastOfHour, leftSql, profileHours } from './fold.ts';
import { hear, keepVerdict } from './postgres-choice.ts';
import { cachesReadIn, foldHour, type ReadCache } from './postgres-fold-hour.ts';
import { listHottest, unlistHottest } from './postgres-hottest.ts';
import type { Scorer } from './scorer.ts';

/** Of hours that come together, after a pause or an import, the last ones are judged by; more would take longer than it is worth. */
const mostJudged = 24;
const sums = halfLifeHours.map((hours) => `e${hours}`);
const hoursOfDay = Array.from({ length: 24 }, (_, hour) => hour);
const columns = ['first_bucket', 'last_bucket', 'accesses', ...sums, 'hours'];
const list = (texts: readonly string[]): string => texts.join(',\n    ');
const sumOfHour = (hour: number): string =>
  `coalesce(old_hours[${hour + 1}] * was${profileHours}, 0) + h${hour} * is${profileHours}`;

/** Counts up to a bucket, summed per key as of its last hour among them, then added to what its state has decayed to. */
const foldSql = `
  with late as (
    delete from samovar.access_late where bucket <= $2 returning bucket, key_id, accesses
  ), counts as (
    select bucket, key_id, accesses from samovar.access_bucket where bucket > $1 and bucket <= $2
    union all select bucket, key_id, accesses from late
  ), span as (
    select key_id, max(bucket) as last_bucket, min(bucket) as first_bucket, sum(accesses) as accesses
      from counts group by key_id
  ), weighed as (
    select c.key_id, c.bucket % 24 as hour,
    ${list(halfLifeHours.map((hours) => `c.accesses * ${leftSql('s.last_bucket - c.bucket', hours)} as e${hours}`))}
      from counts c join span s using (key_id)
  ), news as (
    select key_id,
    ${list(sums.map((sum) => `sum(${sum}) as ${sum}`))},
    ${list(hoursOfDay.map((hour) => `coalesce(sum(e${profileHours}) filter (where hour = ${hour}), 0) as h${hour}`))}
      from weighed group by key_id
  ), aging as (
    select n.*, k.cache_id, old.hours as old_hours,
           least(s.first_bucket, old.first_bucket) as first_bucket,
           greatest(s.last_bucket, old.last_bucket) as last_bucket,
           s.accesses + coalesce(old.accesses, 0) as accesses,
    ${list(sums.map((sum) => `old.${sum} as old_${sum}`))},
    ${list(halfLifeHours.map((hours) => `${leftSql('s.last_bucket - old.last_bucket', hours)} as was${hours}`))},
    ${list(halfLifeHours.map((hours) => `${leftSql('old.last_bucket - s.last_bucket', hours)} as is${hours}`))}
      from news n join span s using (key_id)
      join samovar.cache_key k on k.id = n.key_id
      left join samovar.key_state old on old.key_id = n.key_id
  ), merged as (
    select key_id, cache_id, first_bucket, last_bucket, accesses,
    ${list(halfLifeHours.map((hours) => `coalesce(old_e${hours} * was${hours}, 0) + e${hours} * is${hours} as e${hours}`))},
           array[${hoursOfDay.map((hour) => `case when ${sumOfHour(hour)} < ${leastOfHour} then 0 else ${sumOfHour(hour)} end`).join(', ')}] as hours
      from aging
  ), folded as (
    insert into samovar.key_state (key_id, cache_id, ${columns.join(', ')})
    select key_id, cache_id, ${columns.slice(0, -1).join(', ')},
           case when e${profileHours} >= ${leastForHours} then hours end
      from merged order by key_id
    on conflict (key_id) do update set
      ${list(columns.map((column) => `${column} = excluded.${column}`))}
    returning cache_id, last_bucket
  ), by_cache as (
    update samovar.cache c set last_bucket = greatest(c.last_bucket, f.last_bucket)
      from (select cache_id, max(last_bucket) as last_bucket, count(*) as keys from folded group by cache_id) f
     where c.id = f.cache_id returning c.id, f.keys
  )
  select id, keys::int from by_cache`;

/** Holds every other fold off until the transaction ends; answers with the last folded hour. */
export async function lockFold(client: PoolClient): Promise<number | undefined> {
  const { rows } = await client.query<{ upto: number | null }>('select upto from samovar.fold for update');
  return rows[0]?.upto ?? undefined;
}

/**
 * Adds every closed hour that is not in the state yet, each exactly once: the mark of the last folded hour moves in the
 * same transaction, under a lock. Counts that came late for a folded hour are added with the weight of their age.
 */
export async function foldClosed(
  pool: Pool,
  experts: readonly Scorer[],
  now: number,
): Promise<{ buckets: number; keys: number }> {
  const closed = closedBucket(now);
  return transaction(pool, async (client) => {
    const upto = await lockFold(client);
    const after = upto ?? -1;
    const to = Math.max(after, closed);
    // Compiling this statement takes longer than running it.
    await client.query(`set local jit = off; set local work_mem = '64MB'`);
    let keys = 0;
    const touched = new Set<number>();
    const fold = async (from: number, until: number): Promise<void> => {
      const { rows } = await client.query<{ id: number; keys: number }>(foldSql, [from, until]);
      await unlistHottest(
        client,
        rows.map(({ id }) => id),
      );
      for (const each of rows) {
        keys += each.keys;
        touched.add(each.id);
      }
    };
    const from = Math.max(after, to - mostJudged);
    if (from > after) await fold(after, from);
    for (const bucket of await hoursWithReads(client, from, to)) {
      const caches = await cachesReadIn(client, bucket);
      await judgeAndFold(client, experts, caches, bucket);
      for (const each of caches) {
        keys += each.keys;
        touched.add(each.id);
      }
    }
    await fold(to, to);
    for (const id of touched) await listHottest(client, id);
    await client.query('update samovar.fold set upto = $1 where upto is distinct from $1', [to]);
    return { buckets: to - (upto ?? (await beforeFirst(client, to))), keys };
  });
}

/** The states know nothing of the hour yet: now the experts can be asked about it, and judged. */
async function judgeAndFold(
  client: PoolClient,
  experts: readonly Scorer[],
  caches: readonly ReadCache[],
  bucket: number,
): Promise<void> {
  const busy = caches.filter(({ reads }) => reads >= leastReads);
  for (const cache of busy.slice(0, -1)) {
    const judge = await hear(client, experts, cache, bucket);
    if (judge !== undefined) await keepVerdict(client, judge());
  }
  const largest = busy.at(-1);
  const judge = largest && (await hear(client, experts, largest, bucket));
  const sum = caches.reduce((keys, each) => keys + each.keys, 0);
  // One is judged by this process while Postgres is busy with the states.
  const verdict = await foldHour(client, bucket, sum, async () => judge?.());
  if (verdict !== undefined) await keepVerdict(client, verdict);
  await client.query('update samovar.cache set last_bucket = greatest(last_bucket, $1) where id = any($2)', [
    bucket,
    caches.map(({ id }) => id),
  ]);
}

/** An hour that nobody read in costs no statement of its own. */
async function hoursWithReads(client: PoolClient, after: number, upto: number): Promise<number[]> {
  const { rows } = await client.query<{ bucket: number }>(
    // The first key in order is a look-up by number: any one of them might be looked for by reading whole days through.
    `select bucket from generate_series($1::int + 1, $2::int) bucket
      cross join lateral (select from samovar.access_bucket b where b.bucket = bucket.bucket order by b.key_id limit 1) b
      order by 1`,
    [after, upto],
  );
  return rows.map(({ bucket }) => bucket);
}

async function beforeFirst(client: PoolClient, to: number): Promise<number> {
  const { rows } = await client.query<{ first: number | null }>(
    'select min(first_bucket) as first from samovar.key_state',
  );
  return (rows[0]?.first ?? to + 1) - 1;
}
