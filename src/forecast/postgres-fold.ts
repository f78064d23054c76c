import type { Pool, PoolClient } from '../connect.ts';
import { halfLifeHours } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { leastReads } from './choice.ts';
import { closedBucket, leastForHours, leastOfHour, leftSql, profileHours } from './fold.ts';
import { hear, keepVerdict, type Verdict } from './postgres-choice.ts';
import { cachesReadIn, foldKnown, foldNew } from './postgres-fold-hour.ts';
import {
  agedHottest,
  bordersIn,
  type Hot,
  listHottest,
  relistHottest,
  unlistHottest,
} from './postgres-hottest.ts';
import type { Scorer } from './scorer.ts';

/** Of hours that come together, after a pause or an import, the last ones are judged by; more would take longer than it is worth. */
const mostJudged = 24;
/** Compiling these statements takes longer than running them. */
const settings = `set local jit = off; set local work_mem = '64MB'`;
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
 * transaction that adds it, under a lock. Counts that came late for a folded hour are added with the weight of their age.
 */
export async function foldClosed(
  pool: Pool,
  experts: readonly Scorer[],
  now: number,
): Promise<{ buckets: number; keys: number }> {
  const closed = closedBucket(now);
  const steps: Step[] = [];
  do steps.push(await transaction(pool, (client) => foldStep(pool, client, experts, closed)));
  while (!steps.at(-1)!.isLast);
  const { until } = steps.at(-1)!;
  const isFirst = steps[0]!.after === undefined;
  const buckets = isFirst
    ? until - (await beforeFirst(pool, until))
    : steps.reduce((sum, step) => sum + step.until - step.after!, 0);
  return { buckets, keys: sumOf(steps) };
}

interface Step {
  /** The hour that was folded last before it; undefined before the first. */
  readonly after: number | undefined;
  readonly until: number;
  readonly keys: number;
  readonly isLast: boolean;
}

/** What is older than can be judged, or the next hour that somebody read in, or what is left when there is none. */
async function foldStep(
  pool: Pool,
  client: PoolClient,
  experts: readonly Scorer[],
  closed: number,
): Promise<Step> {
  const upto = await lockFold(client);
  const after = upto ?? -1;
  const to = Math.max(after, closed);
  await client.query(settings);
  const judgedFrom = Math.max(after, to - mostJudged);
  const next = judgedFrom > after ? undefined : await nextHourRead(client, after, to);
  const until = judgedFrom > after ? judgedFrom : (next ?? to);
  const keys =
    next === undefined
      ? await foldAtOnce(client, after, until)
      : await judgeAndFold(pool, client, experts, next);
  await client.query('update samovar.fold set upto = $1 where upto is distinct from $1', [until]);
  return { after: upto, until, keys, isLast: until === to && next === undefined };
}

/** Hours as they come, and what came late for those before them; nobody is judged by them. */
async function foldAtOnce(client: PoolClient, after: number, until: number): Promise<number> {
  const { rows } = await client.query<{ id: number; keys: number }>(foldSql, [after, until]);
  await unlistHottest(
    client,
    rows.map(({ id }) => id),
  );
  for (const { id } of rows) await listHottest(client, id);
  return rows.reduce((sum, { keys }) => sum + keys, 0);
}

/**
 * Adds an hour to the states. Meanwhile the experts are asked about it on another connection, to which the states know
 * nothing of it until this transaction ends, and judged by what came.
 */
async function judgeAndFold(
  pool: Pool,
  client: PoolClient,
  experts: readonly Scorer[],
  bucket: number,
): Promise<number> {
  const borders = await bordersIn(client, bucket);
  // Both have ended before either failure is told: nothing is left under way on a connection that is given back.
  const [folded, heard] = await Promise.allSettled([
    foldKnown(client, bucket, borders),
    transaction(pool, (reader) => judgeHour(reader, experts, { bucket, borders })),
  ]);
  if (folded.status === 'rejected') throw folded.reason;
  if (heard.status === 'rejected') throw heard.reason;
  const known = folded.value;
  const { caches, verdicts, aged } = heard.value;
  const keys = sumOf(caches);
  const unknown = keys - sumOf(known);
  const added = unknown > 0 ? await foldNew(client, bucket, borders, unknown) : [];
  for (const verdict of verdicts) await keepVerdict(client, verdict);
  await client.query('update samovar.cache set last_bucket = greatest(last_bucket, $1) where id = any($2)', [
    bucket,
    caches.map(({ id }) => id),
  ]);
  for (const { id } of caches) {
    const of = (changed: typeof known) => changed.find((each) => each.id === id);
    const hot = { known: of(known), added: of(added), aged: aged.get(id) };
    await relistHottest(client, id, { bucket, border: borders.get(id), ...hot });
  }
  return keys;
}

/** The caches that were read in an hour, how the experts did with those that were read enough to tell, and who is still hot. */
async function judgeHour(
  reader: PoolClient,
  experts: readonly Scorer[],
  { bucket, borders }: { bucket: number; borders: ReadonlyMap<number, number> },
) {
  // Who waits here for a table is waited for by the fold, which Postgres cannot see: neither may wait for ever.
  await reader.query(`${settings}; set local lock_timeout = '5s'`);
  const caches = await cachesReadIn(reader, bucket);
  const verdicts: Verdict[] = [];
  for (const cache of caches) {
    const verdict = cache.reads < leastReads ? undefined : await hear(reader, experts, cache, bucket);
    if (verdict !== undefined) verdicts.push(verdict);
  }
  const aged = new Map<number, Hot>();
  for (const { id } of caches) {
    const border = borders.get(id);
    if (border !== undefined) aged.set(id, await agedHottest(reader, id, { bucket, border }));
  }
  return { caches, verdicts, aged };
}

const sumOf = (caches: readonly { readonly keys: number }[]): number =>
  caches.reduce((sum, { keys }) => sum + keys, 0);

/** An hour that nobody read in costs no statement of its own. */
async function nextHourRead(client: PoolClient, after: number, upto: number): Promise<number | undefined> {
  const { rows } = await client.query<{ bucket: number }>(
    // The first key in order is a look-up by number: any one of them might be looked for by reading whole days through.
    `select bucket from generate_series($1::int + 1, $2::int) bucket
      cross join lateral (select from samovar.access_bucket b where b.bucket = bucket.bucket order by b.key_id limit 1) b
      order by 1 limit 1`,
    [after, upto],
  );
  return rows[0]?.bucket;
}

async function beforeFirst(pool: Pool, to: number): Promise<number> {
  const { rows } = await pool.query<{ first: number | null }>(
    'select min(first_bucket) as first from samovar.key_state',
  );
  return (rows[0]?.first ?? to + 1) - 1;
}
