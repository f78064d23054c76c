import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { refresh } from '../../jobs/refresh.ts';
import { createBuckets } from '../../src/access/postgres.ts';
import { systemClock } from '../../src/clock.ts';
import { dueCaches, dueReads, feeding } from '../../src/compose/due.ts';
import { defineCache } from '../../src/define.ts';
import { createRefreshes } from '../../src/due/postgres.ts';
import { createDue, type DueIndex } from '../../src/due/redis.ts';
import { hourMs } from '../../src/duration.ts';
import { createEmitter } from '../../src/events.ts';
import type { JobContext } from '../../src/job.ts';
import { key } from '../../src/key.ts';
import { silentLog } from '../../src/log.ts';
import type { Reads, Writes } from '../../src/rooms.ts';
import { fakeClock } from '../../src/testing/clock.ts';
import { counter, shop } from '../rooms/cache-counter.ts';
import { forecastRoom } from '../rooms/forecast-parts.ts';
import { until } from '../support/index.ts';

const room = await forecastRoom();
const origin = shop();
const ttlMs = hourMs;
/** Which ids the origin says are as they were. */
const current = new Set<number>();
const products = defineCache('products', {
  origin: origin.origin,
  key: key.number,
  ttl: '1h',
  jitter: 0,
  refreshAhead: 0.8,
  earlyRefresh: 1,
  stillCurrent: (old) => [...old.keys()].filter((id) => current.has(id)),
  load: (ids) => origin.load(ids),
});
const config = { caches: [products] } as never;
const events = createEmitter();
const refreshes = createRefreshes(room.db.pool, { events, retention: { plansMs: 14 * 24 * hourMs } });
/** In the middle of an hour, so that all of a test lies in it or the next. */
const clock = fakeClock(Math.floor(Date.now() / hourMs) * hourMs + 60_000);

/** One process: its caches note what they fill. */
async function process(options: { visibilityMs?: number; chance?: () => number } = {}) {
  let due: DueIndex | undefined;
  const app = await counter([products], {
    clock,
    chance: () => options.chance?.() ?? 0,
    around: (store) => feeding(store, { ...lazily(() => due!), feeds: () => true }),
  });
  due = createDue(app.cacheRedis, {
    prefix: 'test',
    clock,
    caches: dueCaches(config),
    gatherMs: 0,
    ...options,
  });
  return { app, due };
}
const lazily = (index: () => DueIndex): DueIndex => ({
  feeds: (cache) => index().feeds(cache),
  fed: (...told) => index().fed(...told),
  flush: () => index().flush(),
  claim: (...asked) => index().claim(...asked),
  settle: (...asked) => index().settle(...asked),
  close: () => index().close(),
});
const { app, due } = await process();
const cache = app.caches.open(products);

interface Change {
  fill?: Writes['cache']['fill'];
  due?: Partial<Writes['due']>;
  using?: { app: typeof app; due: DueIndex };
}
const rooms = ({ fill, due: changed, using = { app, due } }: Change = {}) => {
  const { caches, store } = using.app;
  const from: Pick<Reads, 'due' | 'forecasts' | 'store'> = {
    due: dueReads({ config }),
    forecasts: room.forecasts,
    store: { look: caches.look, ages: caches.ages, memory: () => store.memory() },
  };
  const to: Pick<Writes, 'cache' | 'due'> = {
    cache: { fill: fill ?? caches.fill, invalidate: caches.invalidate },
    due: {
      claim: using.due.claim,
      settle: using.due.settle,
      open: (cache, keys) => refreshes.open(cache, { keys, now: clock.now(), longestMs: 4 * ttlMs }),
      note: refreshes.note,
      prune: refreshes.prune,
      ...changed,
    },
  };
  return { from, to };
};
const context = (signal = new AbortController().signal): JobContext => ({
  id: '1',
  attempt: 1,
  worker: 'w1',
  at: clock.now(),
  now: clock.now,
  signal,
  log: silentLog,
  progress: async () => {},
});
/** On a busy machine a pacer may wait: time goes on slowly meanwhile. */
const run = async (change?: Change, signal?: AbortSignal) => {
  const { from, to } = rooms(change);
  let isOver = false;
  const running = refresh.run({}, from, to, context(signal)).finally(() => {
    isOver = true;
  });
  running.catch(() => {}); // who waits is told
  for (let turn = 0; !isOver; turn++) {
    await systemClock.sleep(5);
    if (turn > 100) await clock.advance(5);
  }
  return running;
};

/** These were read ten times an hour until now, and no others. */
const read = async (ids: readonly number[]) => {
  await room.empty();
  const hour = Math.floor(clock.now() / hourMs);
  await room.count(
    [-2, -1, 0].flatMap((ago) => ids.map((id) => ({ key: String(id), bucket: hour + ago, accesses: 10 }))),
  );
};
/** Fills these, and lets the time pass until all of them are due. */
const fillAndWait = async (ids: readonly number[]) => {
  for (const id of ids) origin.rows.set(id, `p${id}`);
  await cache.getMany(ids);
  await app.caches.settled();
  await due.flush();
  await clock.advance(0.92 * ttlMs);
  origin.loads.length = 0;
};
const freshUntil = async (id: number) => (await app.caches.ages('products', [String(id)]))[0]?.freshUntil;

beforeEach(async () => {
  current.clear();
  origin.release();
  await app.caches.settled();
  await app.cacheRedis.flushdb();
  await app.queueRedis.flushdb();
  await room.empty();
});
afterAll(() => app.caches.settled());

test('loads what is due and likely to be read, and lets the rest expire', async () => {
  await fillAndWait([1, 2, 3, 4, 5]);
  await read([1, 2, 3]);
  expect(await run()).toMatchObject({
    kind: 'done',
    result: { due: 5, refreshed: 3, unchanged: 3, unworthy: 2 },
  });
  expect(origin.loads.flat().toSorted()).toEqual([1, 2, 3]);
  expect(await freshUntil(1)).toBeGreaterThan(clock.now() + ttlMs);
  expect(await run()).toMatchObject({ result: { due: 0 } });
});

test('what it refreshed is due again in its turn', async () => {
  await fillAndWait([1]);
  await read([1]);
  await run();
  await clock.advance(1.1 * 0.92 * ttlMs);
  await read([1]);
  expect(await run()).toMatchObject({ result: { due: 1, refreshed: 1 } });
});

test('which refreshes were read, and which by nobody, is counted', async () => {
  const told: unknown[] = [];
  const off = [
    events.on('refresh:used', (event) => told.push(['used', event])),
    events.on('refresh:unused', (event) => told.push(['unused', event])),
  ];
  await fillAndWait([1, 2, 3]);
  await read([1, 2, 3]);
  app.hits.length = 0;
  await run();
  await cache.get(2);
  await cache.get(2);
  const [hit] = app.hits;
  const buckets = createBuckets(room.db.pool, { clock, events, retention: { bucketsMs: 1e9, daysMs: 1e10 } });
  await room.db.rows('drop table samovar.access_bucket_any');
  const used = { cache: 'products', plan: hit!.plan, row: hit!.row };
  const nothing = { counts: [], callers: [], fills: [], dropped: 0, unreadable: 0, messages: 1 };
  await buckets.add({ ...nothing, log: 'l', after: '0-0', upto: '1-1', used: [used] });
  await buckets.add({ ...nothing, log: 'l', after: '1-1', upto: '1-2', used: [used] });
  expect(told).toEqual([['used', { cache: 'products', entries: 1 }]]);
  expect(await refreshes.prune(clock.now())).toMatchObject({ refreshes: 0 });
  const later = clock.now() + 5 * ttlMs;
  expect(await refreshes.prune(later)).toMatchObject({ refreshes: 1 });
  await refreshes.prune(later);
  expect(told.slice(1)).toEqual([['unused', { cache: 'products', entries: 2 }]]);
  expect((await refreshes.unread(later)).get('products')).toEqual({ entries: 3, unread: 2 });
  await room.db.rows('create table samovar.access_bucket_any partition of samovar.access_bucket default');
  for (const end of off) end();
});

test('what lives on without a load counts as unread, too, when nobody reads it', async () => {
  await fillAndWait([1, 2, 3]);
  await read([1, 2, 3]);
  current.add(1).add(2);
  expect(await run()).toMatchObject({ result: { due: 3, refreshed: 1, stillCurrent: 2 } });
  app.hits.length = 0;
  await cache.get(2);
  const [hit] = app.hits;
  await room.db.rows(`update samovar.refresh set used = set_bit(used, $1, 1) where id = $2`, [
    hit!.row,
    hit!.plan,
  ]);
  const later = clock.now() + 5 * ttlMs;
  await refreshes.prune(later);
  expect((await refreshes.unread(later)).get('products')).toEqual({ entries: 3, unread: 2 });
});

test('what was set, filled again or deleted is told from what is due', async () => {
  await fillAndWait([1, 2, 3]);
  await read([1, 2, 3]);
  await cache.delete(1);
  await cache.set(2, 'set');
  expect(await run()).toMatchObject({ result: { due: 3, refreshed: 1, fresh: 1, gone: 1 } });
  expect(origin.loads).toEqual([[3]]);
  expect(await freshUntil(1)).toBeUndefined();
});

describe('a worker that dies', () => {
  const killed = (): never => {
    throw new Error('killed');
  };
  const brief = async () => process({ visibilityMs: 1 });

  test.each<[string, Change]>([
    ['after its claim', { fill: async () => killed() }],
    ['before it settles', { due: { settle: async () => killed() } }],
  ])('%s loses no key', async (_, change) => {
    const using = await brief();
    await fillAndWait([1, 2]);
    await read([1, 2]);
    await expect(run({ ...change, using })).rejects.toThrow('killed');
    const result = await until(async () => {
      const ended = await run({ using });
      return ended.kind === 'done' && ended.result['due']! > 0 && ended;
    }, 'its claim is over');
    expect(result).toMatchObject({ result: { due: 2 } });
    expect(origin.loads).toEqual([[1, 2]]);
    // And they are due again when their time has come.
    await clock.advance(1.1 * 0.92 * ttlMs);
    await read([1, 2]);
    expect(await run()).toMatchObject({ result: { due: 2, refreshed: 2 } });
  });
});

test('what a worker had written that died before it could note when that is due is noted by its successor', async () => {
  const dying = await process();
  await fillAndWait([1, 2]);
  await read([1, 2]);
  const settle = async (): Promise<never> => {
    throw new Error('killed');
  };
  await expect(run({ due: { settle }, using: dying })).rejects.toThrow('killed');
  for (const claims of await app.cacheRedis.keys('*:dc'))
    for (const name of await app.cacheRedis.zrange(claims, '0', '-1'))
      await app.cacheRedis.zadd(claims, '0', name);
  expect(await run()).toMatchObject({ result: { due: 2, fresh: 2 } });
  await clock.advance(1.1 * 0.92 * ttlMs);
  await read([1, 2]);
  expect(await run()).toMatchObject({ result: { due: 2, refreshed: 2 } });
});

test('an origin that is stopped is not asked, and its keys come back', async () => {
  await fillAndWait([1]);
  await read([1]);
  await app.budget.set('shop', { perSecond: 0 });
  expect(await run()).toMatchObject({ result: { refreshed: 0, budget: 1 } });
  expect(origin.loads).toEqual([]);
  await app.budget.set('shop', { perSecond: Number.POSITIVE_INFINITY });
  await clock.advance(0.05 * ttlMs);
  expect(await run()).toMatchObject({ result: { refreshed: 1 } });
});

test('a load that fails leaves the entry as it is, and is tried again', async () => {
  await fillAndWait([1]);
  await read([1]);
  const before = await freshUntil(1);
  origin.rows.set(1, new Error('the shop is closed'));
  expect(await run()).toMatchObject({ result: { refreshed: 0, failed: 1 } });
  expect(await freshUntil(1)).toBe(before);
  origin.rows.set(1, 'p1');
  await clock.advance(0.03 * ttlMs);
  expect(await run()).toMatchObject({ result: { refreshed: 1 } });
});

test('an origin that is away is asked once a round, and all that was due comes back', async () => {
  const ids = Array.from({ length: 1_200 }, (_, i) => i);
  await fillAndWait(ids);
  await read(ids);
  for (const id of ids) origin.rows.set(id, new Error('the shop is closed'));
  const away = await run();
  expect(away).toMatchObject({ kind: 'done', result: { refreshed: 0 } });
  const asked = origin.loads.flat().length;
  expect(asked).toBeLessThan(ids.length);
  expect(new Set(origin.loads.flat()).size).toBe(asked);
  for (const id of ids) origin.rows.set(id, `p${id}`);
  origin.loads.length = 0;
  await clock.advance(0.03 * ttlMs);
  expect(await run()).toMatchObject({ result: { due: 1_200, refreshed: 1_200 } });
  expect(origin.loads.flat().toSorted((a, b) => a - b)).toEqual(ids);
});

test('a Redis that is away makes it wait, not fail', async () => {
  const { SamovarError } = await import('../../src/errors.ts');
  const claim: Writes['due']['claim'] = async () => {
    throw new SamovarError('E_STORE_UNAVAILABLE', 'away');
  };
  expect(await run({ due: { claim } })).toMatchObject({ kind: 'snooze' });
});

test('what is worth it of several claims is one load', async () => {
  const ids = Array.from({ length: 1_300 }, (_, i) => i);
  const liked = ids.filter((id) => id % 5 === 0);
  await fillAndWait(ids);
  await read(liked);
  expect(await run()).toMatchObject({ result: { due: 1_300, refreshed: 260, unworthy: 1_040 } });
  expect(origin.loads).toHaveLength(1);
  expect(origin.loads[0]!.toSorted((a, b) => a - b)).toEqual(liked);
});

test('a key that stands in two claims of one round is loaded once', async () => {
  const ids = Array.from({ length: 600 }, (_, i) => i);
  await fillAndWait(ids);
  // Noted a second time, so that it comes twice.
  for (const id of ids) due.fed('products', String(id), clock.now() - 0.92 * ttlMs, ttlMs);
  await due.flush();
  await read([1, 2]);
  expect(await run()).toMatchObject({ result: { due: 600, refreshed: 2 } });
  expect(origin.loads.flat().toSorted()).toEqual([1, 2]);
});

test('two workers at once load nothing twice', async () => {
  const ids = Array.from({ length: 1_200 }, (_, i) => i);
  const using = await process();
  await fillAndWait(ids);
  await read(ids);
  await Promise.all([run(), run({ using })]);
  expect(origin.loads.flat().toSorted((a, b) => a - b)).toEqual(ids);
});

describe('readers whom chance picks, and the job', () => {
  const ids = [1, 2, 3, 4, 5, 6];
  /** Loads took a second, and all of these end in a few. */
  const soonOver = async () => {
    for (const id of ids) origin.rows.set(id, `p${id}`);
    origin.loads.length = 0;
    origin.hold();
    const filled = cache.getMany(ids);
    await until(() => origin.loads.length > 0, 'they are loaded');
    await clock.advance(1_000);
    origin.release();
    await filled;
    await app.caches.settled();
    await due.flush();
    await clock.advance(ttlMs - 2_000);
    await read(ids);
    origin.loads.length = 0;
    origin.hold();
  };

  test('that is at it: nobody loads a key twice', async () => {
    const reader = await process({ chance: () => 0.999_999 });
    await soonOver();
    const refreshing = run();
    await until(() => origin.loads.length > 0, 'the job loads');
    expect([...(await reader.app.caches.open(products).getMany(ids)).keys()]).toEqual(ids);
    // They were tried: whose lease is somebody else's are left alone for a while.
    await reader.app.caches.settled();
    origin.release();
    expect(await refreshing).toMatchObject({ result: { refreshed: ids.length } });
    expect(origin.loads.flat().toSorted()).toEqual(ids);
  });

  test('that comes later: nobody loads a key twice', async () => {
    const reader = await process({ chance: () => 0.999_999 });
    await soonOver();
    await reader.app.caches.open(products).getMany(ids);
    await until(() => origin.loads.flat().length === ids.length, 'the reader has them loaded');
    expect(await run()).toMatchObject({ result: { due: ids.length, refreshed: 0 } });
    origin.release();
    await reader.app.caches.settled();
    // The keys that the job gave back are due again, and found filled.
    await clock.advance(0.1 * ttlMs);
    expect(await run()).toMatchObject({ result: { due: ids.length, fresh: ids.length } });
    expect(origin.loads.flat().toSorted()).toEqual(ids);
  });
});
