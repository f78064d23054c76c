import { beforeEach, expect, test } from 'vitest';
import { report } from '../../jobs/report.ts';
import { dayMs, hourMs, minuteMs } from '../../src/duration.ts';
import { createEmitter, type Events } from '../../src/events.ts';
import type { JobContext } from '../../src/job.ts';
import { silentLog } from '../../src/log.ts';
import { createPlans } from '../../src/plan/postgres.ts';
import type { Reads, Writes } from '../../src/rooms.ts';
import { names, planRoom, taken } from './plan-parts.ts';

const { db, clock, plans, open, claim, settle, finish, empty } = await planRoom();
await db.rows('create table samovar.access_bucket_any partition of samovar.access_bucket default');
beforeEach(async () => {
  await empty();
  await db.rows('truncate samovar.access_bucket, samovar.scorecard, samovar.cache_key cascade');
});

/** A run of these keys, carried out now; the first so many of it are read from the cache later. */
async function carriedOut(keys: readonly string[], { used }: { used: number }): Promise<number> {
  const plan = await open(keys);
  await settle(await taken(claim(plan)));
  await finish(plan);
  await db.rows(
    `update samovar.plan_chunk set used = (repeat('1', $2::int) || repeat('0', length(results) - $2::int))::bit varying
      where plan_id = $1`,
    [plan, used],
  );
  return plan;
}

/** Reads of the present hour. */
const readNow = (keys: readonly string[], cache = 'products') =>
  db.rows(
    `with id as (select id from samovar.cache where name = $1), added as (
       insert into samovar.cache_key (cache_id, key, seen_bucket) select id, unnest($2::text[]), $3 from id returning id)
     insert into samovar.access_bucket (bucket, key_id, accesses) select $3, id, 2 from added`,
    [cache, keys, Math.floor(clock.now() / hourMs)],
  );
const later = () => clock.now() + 2 * hourMs + 3 * minuteMs;

test('a plan is compared with what came, once its hours are over and its entries have expired', async () => {
  const plan = await carriedOut(names(10), { used: 4 });
  // Six of its ten were read, and nine other keys that it did not think of.
  await readNow([...names(6), ...Array.from({ length: 9 }, (_, i) => `other${i}`)]);
  expect(await plans.score(clock.now() + 30 * minuteMs)).toEqual({ scored: 0, dropped: 0 });
  expect(await plans.scores('products', { plans: 5 })).toEqual([]);
  expect(await plans.score(later())).toEqual({ scored: 1, dropped: 0 });
  expect(await plans.scores('products', { plans: 5 })).toEqual([
    {
      run: plan,
      at: clock.now(),
      planned: 10,
      written: 10,
      read: 6,
      used: 4,
      foreseeable: 10,
      unused: 6,
      savedPerLoad: 0.4,
      extraLoads: 6,
      precision: 0.6,
      recall: 0.6,
    },
  ]);
  expect(await plans.score(later())).toEqual({ scored: 0, dropped: 0 });
});

test('perfect foresight cannot have more read than there was', async () => {
  await carriedOut(names(10), { used: 3 });
  await readNow(names(3));
  await plans.score(later());
  const [card] = await plans.scores('products', { plans: 1 });
  expect(card).toMatchObject({ read: 3, foreseeable: 3, precision: 0.3, recall: 1 });
});

test('reads of another cache are none of its own', async () => {
  await carriedOut(names(4), { used: 0 });
  await db.rows(`insert into samovar.cache (name) values ('prices')`);
  await readNow(names(4), 'prices');
  await plans.score(later());
  expect((await plans.scores('products', { plans: 1 }))[0]).toMatchObject({ read: 0, foreseeable: 0 });
  expect((await plans.scores('products', { plans: 1 }))[0]!.recall).toBeUndefined();
});

test('many that score at once score each plan once, and each is told once', async () => {
  await carriedOut(names(5), { used: 2 });
  await readNow(names(5));
  const told: Events['plan:scored'][] = [];
  const rooms = [1, 2, 3].map(() => {
    const events = createEmitter();
    events.on('plan:scored', (event) => told.push(event));
    return createPlans(db.pool, { clock, events, retention: { plansMs: 14 * dayMs } });
  });
  const scored = await Promise.all(rooms.map((room) => room.score(later())));
  expect(scored.reduce((sum, each) => sum + each.scored, 0)).toBe(1);
  expect(told).toEqual([{ cache: 'products', used: 2, extraLoads: 3, precision: 1, recall: 1 }]);
});

test('a scorecard outlives its plan, and is dropped in the end', async () => {
  await carriedOut(names(5), { used: 2 });
  await plans.score(later());
  await plans.prune(clock.now() + 15 * dayMs);
  expect(await plans.list()).toEqual([]);
  expect(await plans.scores('products', { plans: 1 })).toHaveLength(1);
  expect(await plans.score(clock.now() + 57 * dayMs)).toEqual({ scored: 0, dropped: 1 });
});

test('plans that did not hold a key tell where the forecast before them saw it', async () => {
  const held = await carriedOut(names(3), { used: 0 });
  const cacheId = (await db.rows<{ id: number }>('select id from samovar.cache'))[0]!.id;
  await db.rows(
    `insert into samovar.forecast (cache_id, at, horizon_ms, scorer, keys, heats, costs, sizes, term_names, terms)
     values ($1, to_timestamp($2::float8 / 1000), 1, 'x', '{k0,k1,k2,k7}', '{4,3,2,1}', '{1,1,1,1}', '{1,1,1,1}', '{}', '{}')`,
    [cacheId, clock.now() - 1],
  );
  expect(await plans.leftOut('products', 'k1', { plans: 5 })).toEqual([]);
  const about = { run: held, at: clock.now(), rows: 3, isTold: true };
  expect(await plans.leftOut('products', 'k7', { plans: 5 })).toEqual([{ ...about, rank: 4 }]);
  expect(await plans.leftOut('products', 'unknown', { plans: 5 })).toEqual([about]);
  await db.rows('delete from samovar.forecast');
  expect(await plans.leftOut('products', 'k7', { plans: 5 })).toEqual([{ ...about, isTold: false }]);
});

test('the report job scores what is due and says how many', async () => {
  await carriedOut(names(5), { used: 2 });
  const rooms = [
    { plans, caches: { names: () => ['products', 'unread'] } } as unknown as Pick<Reads, 'caches' | 'plans'>,
    { plans } as Pick<Writes, 'plans'>,
  ] as const;
  const context = {
    now: later,
    log: silentLog,
    signal: new AbortController().signal,
  } as unknown as JobContext;
  expect(await report.run({}, ...rooms, context)).toMatchObject({
    kind: 'done',
    result: { scored: 1, dropped: 0 },
  });
  expect(await report.run({}, ...rooms, context)).toMatchObject({ kind: 'done', result: { scored: 0 } });
});
