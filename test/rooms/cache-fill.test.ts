import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import type { FillRequest, RowResult } from '../../src/rooms.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { headOf } from '../../src/store/entry.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop();
const base = { origin: origin.origin, key: key.number, ttl: '1m' } as const;
const products = defineCache('products', { ...base, load: (ids) => origin.load(ids) });
const labelled = defineCache('labelled', {
  ...base,
  load: (ids) => origin.load(ids),
  tags: (id) => [`t${id % 2}`],
});
const batches = defineCache('batches', { ...base, batch: 100, load: (ids) => origin.load(ids) });
const forgetful = defineCache('forgetful', { ...base, negativeTtl: 0, load: (ids) => origin.load(ids) });
const small = defineCache('small', { ...base, maxValueBytes: 20, load: (ids) => origin.load(ids) });
/** 7 throws, 8 cannot be stored, 9 is nowhere. */
const awkward = defineCache('awkward', {
  ...base,
  load: (ids) => {
    if (ids.includes(7)) throw new Error(`invalid id 7777777 among ${ids.length}`);
    return new Map(ids.filter((id) => id !== 9).map((id) => [id, id === 8 ? () => {} : id]));
  },
});
const limited = defineCache('limited', {
  ...base,
  origin: defineOrigin('limited', { budget: { perSecond: 1_000, concurrency: 2 } }),
  load: (ids) => origin.load(ids),
});
const stopped = defineCache('stopped', {
  ...base,
  origin: defineOrigin('stopped', { budget: { perSecond: 0 } }),
  load: (ids) => origin.load(ids),
});
const defs = [products, labelled, batches, forgetful, small, awkward, limited, stopped];
const one = await counter(defs);
const two = await counter(defs);

beforeEach(async () => {
  origin.release();
  await Promise.all([one.caches.settled(), two.caches.settled()]);
  await one.cacheRedis.flushdb();
  await one.queueRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  for (const { hits, misses, fills } of [one, two]) for (const list of [hits, misses, fills]) list.length = 0;
});

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));
const sell = (count: number, from = 0) => {
  for (const id of keys(count, from)) origin.rows.set(Number(id), `p${id}`);
};
const request = (wanted: readonly string[], more: Partial<FillRequest> = {}): FillRequest => ({
  keys: wanted,
  reason: 'warm',
  signal: new AbortController().signal,
  ...more,
});
const fill = (cache: string, wanted: readonly string[], more?: Partial<FillRequest>) =>
  one.caches.fill(cache, request(wanted, more));
const all = (result: RowResult, count: number) => new Array<RowResult>(count).fill(result);

describe('a fill', () => {
  test('loads in one go, marks the entries, and is no access', async () => {
    sell(3);
    const report = await fill('products', ['0', '1', '2'], { plan: 12, rows: [40, 41, 42] });
    expect(report).toEqual({
      results: all('written', 3),
      bytes: 12,
      loadMs: expect.any(Number),
      waitMs: expect.any(Number),
      fills: keys(3).map((name) => ({
        cache: 'products',
        key: name,
        loadMs: expect.any(Number),
        bytes: 4,
        tags: [],
      })),
    });
    expect(origin.loads).toEqual([[0, 1, 2]]);
    const [head] = await one.store.heads('products', ['1']);
    expect(headOf(head!)).toMatchObject({ filledBy: 'w', plan: 12, row: 41 });
    expect([one.hits, one.misses, one.fills]).toEqual([[], [], []]);
    expect(await two.caches.open(products).get(1)).toBe('p1');
    expect(two.hits).toEqual([{ cache: 'products', key: '1', caller: undefined, plan: 12, row: 41 }]);
    expect(one.told('fill:settled').at(-1)).toEqual({ cache: 'products', reason: 'warm', report });
  });

  test('does not load what is fresh, nor what is known to be missing', async () => {
    sell(2);
    await one.caches.open(products).getMany([0, 5]);
    await one.caches.settled();
    const { results } = await fill('products', ['0', '1', '5']);
    expect(results).toEqual(['fresh', 'written', 'missing']);
    expect(origin.loads).toEqual([[0, 5], [1]]);
    const [mine] = await one.store.heads('products', ['0']);
    expect(headOf(mine!)!.filledBy).toBe('r');
  });

  test('loads what is fresh again when told to', async () => {
    sell(1);
    await fill('products', ['0']);
    origin.rows.set(0, 'newer');
    expect((await fill('products', ['0'], { reason: 'refresh', force: true })).results).toEqual(['written']);
    expect(await two.caches.open(products).get(0)).toBe('newer');
    const [head] = await one.store.heads('products', ['0']);
    expect(headOf(head!)!.filledBy).toBe('f');
  });

  test('leaves a key alone that a reader is loading, and the reader wins', async () => {
    sell(2);
    origin.hold();
    const reading = two.caches.open(products).get(0);
    await until(() => origin.loads.length === 1, 'the reader loads');
    const filling = fill('products', ['0', '1']);
    await until(() => origin.loads.length === 2, 'the fill loads the other');
    origin.release();
    expect((await filling).results).toEqual(['busy', 'written']);
    expect(await reading).toBe('p0');
  });

  test('tells missing ids from values, and remembers them where the cache does', async () => {
    sell(1);
    expect((await fill('products', ['0', '1'])).results).toEqual(['written', 'missing']);
    expect((await fill('forgetful', ['0', '1'])).results).toEqual(['written', 'missing']);
    const looks = [await one.caches.look('products', ['1']), await one.caches.look('forgetful', ['1'])];
    expect(looks.map(([look]) => look!.state)).toEqual(['negative', 'missing']);
    expect(await one.cacheRedis.keys('*:l')).toEqual([]);
  });

  test('what cannot be loaded or stored fails alone, and its lease is given back', async () => {
    const report = await fill('awkward', ['1', '7', '8', '9', '10', 'no number']);
    expect(report.results).toEqual(['written', 'failed', 'failed', 'missing', 'written', 'failed']);
    expect(report.error).toEqual({ code: 'E_KEY', message: expect.stringContaining('…') });
    expect(await one.cacheRedis.keys('*:l')).toEqual([]);
    await expect(two.caches.open(awkward).get(7)).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
  });

  test('no report names a key', async () => {
    const { error } = await one.caches.fill('awkward', request(['7', '7777777']));
    expect(error).toEqual({
      code: 'E_LOAD_FAILED',
      message: '`caches.awkward.load` failed: invalid id … among 1',
    });
  });

  test('a value that is too long is not stored', async () => {
    origin.rows.set(1, 'x'.repeat(30)).set(2, 'ok');
    const { results, error } = await fill('small', ['1', '2']);
    expect(results).toEqual(['failed', 'written']);
    expect(error).toMatchObject({ code: 'E_ENCODE', message: expect.stringContaining('32 bytes') });
  });

  test('entries whose tag was invalidated are loaded again, others are fresh', async () => {
    sell(4);
    await fill('labelled', keys(4));
    await two.caches.invalidate({ tags: ['t1'] });
    const { results, fills } = await fill('labelled', keys(4));
    expect(results).toEqual(['fresh', 'written', 'fresh', 'written']);
    expect(fills.map(({ key: name, tags }) => [name, tags])).toEqual([
      ['1', ['t1']],
      ['3', ['t1']],
    ]);
  });

  test('loads in the batches of the cache, as many at once as the origin takes', async () => {
    sell(1_000);
    origin.hold();
    const filling = fill('batches', keys(1_000));
    await until(() => origin.loads.length === 4, 'four loads run');
    expect((await one.budget.state(origin.origin)).concurrency).toBe(4);
    origin.release();
    expect((await filling).results).toEqual(all('written', 1_000));
    expect(origin.loads.map((ids) => ids.length)).toEqual(new Array(10).fill(100));
    expect(origin.loads.flat()).toHaveLength(1_000);
  });

  test('an empty list is nothing to do', async () => {
    expect(await fill('products', [])).toMatchObject({ results: [], bytes: 0 });
    expect(await fill('limited', [])).toMatchObject({ results: [] });
  });

  test('an unknown cache is named', async () => {
    await expect(async () => fill('prodcts', ['1'])).rejects.toMatchObject({
      code: 'E_UNKNOWN_CACHE',
      hints: ["did you mean 'products'?"],
    });
  });
});

describe('a fill within a budget', () => {
  test('takes small grants, and spends none on what is fresh', async () => {
    sell(100);
    await one.caches.open(limited).getMany(keys(50).map(Number));
    await one.caches.settled();
    origin.loads.length = 0;
    const { results } = await fill('limited', keys(100));
    expect(results).toEqual([...all('fresh', 50), ...all('written', 50)]);
    expect(origin.loads.flat().toSorted((a, b) => a - b)).toEqual(keys(50, 50).map(Number));
    for (const ids of origin.loads) expect(ids.length).toBeLessThanOrEqual(20);
  });

  test('asks again for what it was granted too late only when the leases of it are back', async () => {
    sell(10);
    let [takes, ended] = [0, 0];
    let isGivingBack = false;
    const late = await counter(defs, {
      around: (store) => ({
        ...store,
        async abort(cache, some, token) {
          isGivingBack = true;
          // Whoever wants the keys meanwhile has asked for them when these two have ended.
          await until(() => ended === 2, 'the other lanes have ended');
          return store.abort(cache, some, token);
        },
      }),
      aroundBudget: (budget) => ({
        ...budget,
        async take(of, wish) {
          const lane = ++takes;
          if (lane === 2 || lane === 3) await until(() => isGivingBack, 'the first was too late');
          const grant = await budget.take(of, wish);
          if (grant.kind !== 'granted') return grant;
          return {
            ...grant,
            start: () => (lane === 1 ? Promise.resolve(false) : grant.start()),
            async done(report) {
              await grant.done(report);
              if (lane === 2 || lane === 3) ended += 1;
            },
          };
        },
      }),
    });
    const { results } = await late.caches.fill('limited', request(keys(10)));
    expect(results).toEqual(all('written', 10));
    expect(origin.loads.flat()).toHaveLength(10);
  });

  test('a stopped origin is not loaded from, and what waits is handed back', async () => {
    sell(3);
    const report = await fill('stopped', ['0', '1', '2']);
    expect(report.results).toEqual(all('planned', 3));
    expect(report.error).toEqual({ code: 'stopped', message: expect.stringContaining('stopped') });
    expect(origin.loads).toEqual([]);
    expect(await two.caches.open(stopped).get(0)).toBe('p0');
  });

  test('a budget that is changed is felt at once, by every process', async () => {
    sell(3);
    await two.budget.set('limited', { perSecond: 0 });
    expect((await fill('limited', ['0'])).results).toEqual(['planned']);
    await two.budget.set('limited', { perSecond: 500 });
    expect((await fill('limited', ['0'])).results).toEqual(['written']);
    await two.budget.set('stopped', { perSecond: Number.POSITIVE_INFINITY });
    expect((await fill('stopped', ['1'])).results).toEqual(['written']);
  });

  test('hands back what it does not reach in its time', async () => {
    sell(6);
    // A grant whose moment is missed on a busy machine is followed by another.
    await two.budget.set('limited', { perSecond: 0.5 });
    const { results, error } = await fill('limited', keys(6), { withinMs: 4_000 });
    const begun = origin.loads.flat();
    expect(begun.length).toBeGreaterThan(0);
    // One to begin with, and one every two seconds.
    expect(begun.length).toBeLessThanOrEqual(3);
    const expected = keys(6).map((key) => (begun.includes(Number(key)) ? 'written' : 'planned'));
    expect(results).toEqual(expected);
    expect(error).toBeUndefined();
  });
});

describe('a fill that is cancelled', () => {
  test('while it loads has no effect on what it was loading', async () => {
    sell(3);
    const cancel = new AbortController();
    origin.hold();
    const filling = fill('products', ['0', '1', '2'], { signal: cancel.signal });
    await until(() => origin.loads.length === 1, 'it loads');
    cancel.abort(new Error('cancelled'));
    expect(await filling).toMatchObject({ results: all('planned', 3), bytes: 0 });
    expect(await one.cacheRedis.dbsize()).toBe(0);
    origin.release();
    expect(await two.caches.open(products).get(0)).toBe('p0');
  });

  test('while it waits for the budget begins nothing more', async () => {
    sell(100);
    await one.budget.set('limited', { perSecond: 0.5 });
    const cancel = new AbortController();
    const filling = fill('limited', keys(100), { signal: cancel.signal });
    await until(() => origin.loads.length === 1, 'the first grant is used');
    const [begun] = origin.loads;
    cancel.abort();
    const { results } = await filling;
    expect(origin.loads).toEqual([begun]);
    expect(begun).toHaveLength(1);
    expect(results.filter((result) => result === 'planned')).toHaveLength(99);
  });

  test('before it begins does nothing', async () => {
    sell(1);
    const { results } = await fill('products', ['0'], { signal: AbortSignal.abort() });
    expect([results, origin.loads]).toEqual([['planned'], []]);
  });
});

test('a fill whose loader hangs fails when the time of a load is over', async () => {
  const clock = fakeClock();
  const stuck = defineCache('stuck', { ...base, load: () => new Promise<string[]>(() => {}) });
  const { caches, cacheRedis } = await counter([stuck], { clock });
  const filling = caches.fill('stuck', request(['1', '2']));
  await until(() => clock.pending > 0, 'it loads');
  await until(async () => (await cacheRedis.keys('*:l')).length === 2, 'the leases are taken');
  await clock.advance(10_000);
  expect(await filling).toMatchObject({ results: all('failed', 2), error: { code: 'E_LOAD_TIMEOUT' } });
  expect(await cacheRedis.dbsize()).toBe(0);
});

describe('a store that is full', () => {
  test('ends the fill: what was written is told, the rest is out of budget', async () => {
    const server = await startRedis({ role: 'queue', maxMemory: '4mb' });
    try {
      const { caches, cacheRedis } = await counter(defs, { cacheUrl: server.url });
      for (let id = 0; id < 4_000; id++) origin.rows.set(id, 'x'.repeat(2_000));
      const { results, error, fills } = await caches.fill('batches', request(keys(4_000)));
      const written = results.filter((result) => result === 'written').length;
      expect(error).toMatchObject({ code: 'E_STORE_FULL' });
      expect(written).toBeGreaterThan(100);
      expect(new Set(results)).toEqual(new Set(['written', 'budget']));
      expect(fills).toHaveLength(written);
      expect((await cacheRedis.keys('*:e:*')).length).toBe(written);
      expect(await cacheRedis.keys('*:l')).toEqual([]);
      // Readers go on, unstored.
      expect(await caches.open(batches).get(3_999)).toHaveLength(2_000);
      await caches.settled();
    } finally {
      await server.stop();
    }
  });
});
