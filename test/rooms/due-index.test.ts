import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createDue, type DueOptions } from '../../src/due/redis.ts';
import { fakeClock } from '../../src/testing/clock.ts';
import { until } from '../support/index.ts';
import { urls } from './cache-counter.ts';

const redis = new Redis(urls().cacheUrl);
const ttlMs = 60_000;
const settings = { at: 0.8, refreshCost: 0.7, min: 0.1, max: 4, usualMs: ttlMs, longestMs: 4 * ttlMs };
const clock = fakeClock(systemClock.now());
const index = (options: Partial<DueOptions> = {}) =>
  createDue(redis, {
    prefix: 'test',
    clock,
    caches: [{ cache: 'shop', ...settings }],
    gatherMs: 0,
    ...options,
  });
const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);
const feed = async (due: ReturnType<typeof index>, names: readonly string[]) => {
  for (const key of names) due.fed('shop', key, clock.now(), ttlMs);
  expect(await due.flush()).toBe(true);
};
const takeAll = async (due: ReturnType<typeof index>, most = 500) => {
  const taken: string[] = [];
  for (let claim = await due.claim('shop', { most }); claim; claim = await due.claim('shop', { most })) {
    taken.push(...claim.keys);
    await due.settle([claim], []);
  }
  return taken;
};

beforeEach(() => redis.flushdb());
afterAll(() => redis.disconnect());

describe('keys that were filled', () => {
  test('are given when they are due, not before, and each once', async () => {
    const due = index();
    await feed(due, keys(1_500));
    await clock.advance(0.79 * ttlMs);
    expect(await due.claim('shop', { most: 500 })).toBeUndefined();
    await clock.advance(0.2 * ttlMs);
    expect((await takeAll(due)).toSorted()).toEqual(keys(1_500).toSorted());
    expect(await redis.keys('*')).toEqual([]);
  });

  test('come in slots, so that a cohort is not given at once', async () => {
    const due = index();
    await feed(due, keys(1_000));
    await clock.advance(0.8 * ttlMs);
    const parts: number[] = [];
    for (let step = 0; step < 16; step++) {
      await clock.advance((0.2 * ttlMs) / 16);
      parts.push((await takeAll(due)).length);
    }
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(1_000);
    expect(Math.max(...parts)).toBeLessThan(300);
    expect(parts.filter((part) => part > 0).length).toBeGreaterThanOrEqual(8);
  });

  test('are given together where they are to be gathered, however many fills told of them', async () => {
    const given = async (gatherMs?: number) => {
      await redis.flushdb();
      const due = index({
        caches: [{ cache: 'shop', ...settings, ...(gatherMs === undefined ? {} : { gatherMs }) }],
      });
      // Due one after the other, within a tenth of the ttl.
      for (const key of keys(20)) {
        due.fed('shop', key, clock.now() - 0.8 * ttlMs, ttlMs);
        await due.flush();
      }
      const parts: number[] = [];
      for (let ms = 0; ms < 0.2 * ttlMs; ms += 500) {
        await clock.advance(500);
        const part = await takeAll(due);
        if (part.length > 0) parts.push(part.length);
      }
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(20);
      return parts.length;
    };
    expect(await given(3_000)).toBeLessThan(await given());
  });

  test('are given to one of several claimers', async () => {
    const [one, other] = [index(), index()];
    await feed(one, keys(2_000));
    await clock.advance(ttlMs);
    const taken = (await Promise.all([takeAll(one, 100), takeAll(other, 100), takeAll(one, 100)])).flat();
    expect(taken.toSorted()).toEqual(keys(2_000).toSorted());
  });

  test('in a time shorter than a slot are due before they end', async () => {
    const due = index();
    due.fed('shop', 'brief', clock.now(), 100);
    await due.flush();
    expect((await due.claim('shop', { most: 10 }))?.keys).toEqual(['brief']);
  });

  test('a claim is of one cache, and twice the same key is once', async () => {
    const due = index({
      caches: [
        { cache: 'shop', ...settings },
        { cache: 'other', ...settings },
      ],
    });
    await feed(due, ['a', 'a']);
    await clock.advance(ttlMs);
    expect(await due.claim('other', { most: 10 })).toBeUndefined();
    expect((await due.claim('shop', { most: 10 }))?.keys).toEqual(['a']);
  });

  test('are not noted for a cache that does not ask for it', async () => {
    const due = index();
    due.fed('elsewhere', 'a', clock.now(), ttlMs);
    await due.flush();
    expect(await redis.keys('*')).toEqual([]);
    await expect(due.claim('elsewhere', { most: 1 })).rejects.toThrow('refreshAhead');
  });
});

describe('a claim', () => {
  test('whose holder died is somebody else’s when its time is over, and the dead cannot end it', async () => {
    const due = index({ visibilityMs: 1 });
    await feed(due, keys(10));
    await clock.advance(ttlMs);
    const first = (await due.claim('shop', { most: 500 }))!;
    const second = await until(() => due.claim('shop', { most: 500 }), 'it is given again');
    expect(second).toMatchObject({ isAgain: true });
    expect([...second.keys].toSorted()).toEqual([...first.keys].toSorted());
    await due.settle([first], []);
    const third = await until(
      () => due.claim('shop', { most: 500 }),
      'the second was not ended by the first',
    );
    expect(third.keys).toEqual(second.keys);
    await due.settle([third], []);
    expect(await redis.keys('*')).toEqual([]);
  });

  test('is nobody else’s before', async () => {
    const due = index();
    await feed(due, keys(10));
    await clock.advance(ttlMs);
    expect((await due.claim('shop', { most: 500 }))!.isAgain).toBe(false);
    expect(await due.claim('shop', { most: 500 })).toBeUndefined();
  });

  test('gives keys back: soon, or when their entry is due', async () => {
    const due = index();
    await feed(due, ['soon', 'moved', 'done']);
    await clock.advance(ttlMs);
    const claim = (await due.claim('shop', { most: 500 }))!;
    const age = { filledAt: clock.now(), freshUntil: clock.now() + ttlMs, filledBy: 'r' };
    await due.settle([claim], [{ key: 'soon' }, { key: 'moved', age }]);
    expect(await due.claim('shop', { most: 500 })).toBeUndefined();
    await clock.advance(3_000);
    expect((await due.claim('shop', { most: 500 }))?.keys).toEqual(['soon']);
    await clock.advance(ttlMs);
    expect((await due.claim('shop', { most: 500 }))?.keys).toEqual(['moved']);
  });

  test('is not ended while what it gives back is not noted: all of it comes again', async () => {
    const own = new Redis(urls().cacheUrl);
    const due = createDue(own, {
      prefix: 'test',
      clock,
      caches: [{ cache: 'shop', ...settings }],
      gatherMs: 0,
      visibilityMs: 1,
    });
    await feed(due, ['a', 'b']);
    await clock.advance(ttlMs);
    const claim = (await due.claim('shop', { most: 500 }))!;
    (own as unknown as { svDueFeed: unknown }).svDueFeed = () => Promise.reject(new Error('cut'));
    await expect(due.settle([claim], [{ key: 'a' }])).rejects.toMatchObject({ code: 'E_STORE_UNAVAILABLE' });
    own.disconnect();
    const again = await until(() => index().claim('shop', { most: 500 }), 'it is given again');
    expect([again.isAgain, again.keys.toSorted()]).toEqual([true, ['a', 'b']]);
  });
});

test('a list takes no more than its bound, and goes by itself when its entries have ended', async () => {
  const dropped: unknown[] = [];
  const due = index({ most: 5, onDropped: (...told) => dropped.push(told) });
  for (let i = 0; i < 20; i++) {
    due.fed('shop', 'same', clock.now(), ttlMs);
    await due.flush();
  }
  expect(dropped).toHaveLength(15);
  expect(dropped[0]).toEqual(['shop', 1, 'bound']);
  const [list] = await redis.keys('*:d:*');
  expect(await redis.llen(list!)).toBe(5);
  expect(await redis.pttl(list!)).toBeGreaterThan(0);
});

test('what the server does not take is kept and noted later', async () => {
  const away = new Redis(urls().cacheUrl, {
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  });
  away.on('error', () => {});
  const due = createDue(away, {
    prefix: 'test',
    clock,
    caches: [{ cache: 'shop', ...settings }],
    gatherMs: 0,
  });
  due.fed('shop', 'a', clock.now(), ttlMs);
  expect(await due.flush()).toBe(false);
  await until(() => away.status === 'ready', 'it is connected');
  expect(await due.flush()).toBe(true);
  away.disconnect();
  await clock.advance(ttlMs);
  expect((await index().claim('shop', { most: 5 }))?.keys).toEqual(['a']);
});
