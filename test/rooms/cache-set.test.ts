import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { ttl } from '../../src/ttl/ttl.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop({ timeout: '5s' });
const base = {
  origin: origin.origin,
  key: key.number,
  ttl: '1m',
  jitter: 0,
  load: (ids: number[]) => origin.load(ids),
} as const;
const plain = defineCache('plain', base);
const labelled = defineCache('labelled', { ...base, tags: (_, value) => [`is:${value}`] });
const few = defineCache('few', { ...base, negativeMax: 2 });
const small = defineCache('small', { ...base, maxValueBytes: 10 });
const sliding = defineCache('sliding', { ...base, ttl: ttl.sliding('1m', { most: '3m' }) });
const byValue = defineCache('by-value', {
  ...base,
  ttl: (value, id) => (id === 1 ? `${(value as { minutes: number }).minutes}m` : 0),
});
const defs = [plain, labelled, few, small, sliding, byValue];

const clock = fakeClock(Date.now());
const one = await counter(defs, { clock });
const two = await counter(defs, { clock });
const cache = one.caches.open(plain);
const settled = () => Promise.all([one.caches.settled(), two.caches.settled()]);

beforeEach(async () => {
  origin.release();
  await settled();
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  one.told('entry:refused').length = 0;
});

const ttlOf = async (id: number) => one.cacheRedis.pttl((await one.cacheRedis.keys(`*e:${id}`))[0]!);

describe('a value that is set', () => {
  test('is what everybody reads, without a load', async () => {
    await cache.set(1, { name: 'pot' });
    for (const { caches } of [one, two]) expect(await caches.open(plain).get(1)).toEqual({ name: 'pot' });
    expect(origin.loads).toEqual([]);
  });

  test.each([['a read', 'get'] as const, ['a read of many', 'getMany'] as const])(
    'is not written over by %s that began before',
    async (_, how) => {
      origin.rows.set(1, 'old');
      origin.hold();
      const slow = how === 'get' ? cache.get(1) : cache.getMany([1]);
      await until(() => origin.loads.length > 0, 'it is loaded');
      await two.caches.open(plain).set(1, 'set');
      const late = [one, two].map(({ caches }) => caches.open(plain).get(1));
      origin.release();
      await slow;
      expect(await Promise.all(late)).toEqual(['set', 'set']);
      await settled();
      for (const { caches } of [one, two]) expect(await caches.open(plain).get(1)).toBe('set');
      expect(origin.loads).toHaveLength(1);
    },
  );

  test('nor by a warm, nor by a load of the process that set it', async () => {
    origin.rows.set(1, 'old').set(2, 'old');
    origin.hold();
    const signal = new AbortController().signal;
    const warm = one.caches.fill('plain', { keys: ['1'], reason: 'warm', signal });
    const slow = one.caches.open(plain).get(2);
    await until(() => origin.loads.length === 2, 'both are loaded');
    await cache.set(1, 'set');
    await cache.set(2, 'set');
    const late = cache.get(2);
    origin.release();
    expect((await warm).results).toEqual(['lost']);
    await slow;
    expect(await late).toBe('set');
    expect([...(await two.caches.open(plain).getMany([1, 2])).values()]).toEqual(['set', 'set']);
  });

  test('is gone when it is deleted or its tag is invalidated', async () => {
    const tagged = one.caches.open(labelled);
    await tagged.set(1, 'red');
    await tagged.set(2, 'red', { tags: ['other'] });
    await two.caches.invalidate({ tags: ['is:red'] });
    expect([await tagged.has(1), await tagged.has(2)]).toEqual([false, true]);
    await two.caches.invalidate({ tags: ['other'] });
    expect(await tagged.has(2)).toBe(false);
    await tagged.set(1, 'blue');
    expect(await tagged.get(1)).toBe('blue');
    await tagged.delete(1);
    expect(await tagged.has(1)).toBe(false);
  });

  test('is gone when its cache is cleared, and one set afterwards is not', async () => {
    await cache.set(1, 'a');
    await two.caches.invalidate({ cache: 'plain', all: true });
    expect(await cache.has(1)).toBe(false);
    await cache.set(1, 'b');
    expect(await two.caches.open(plain).get(1)).toBe('b');
  });

  test('lives as long as its cache says, or as it is told', async () => {
    await cache.set(1, 'a');
    await cache.set(2, 'b', { ttl: '2h' });
    expect(await ttlOf(1)).toBeLessThanOrEqual(60_000);
    expect(await ttlOf(2)).toBeGreaterThan(7_000_000);
    await cache.set(2, 'c', { ttl: 0 });
    expect(await cache.has(2)).toBe(false);
  });

  test('may be nothing: the id is known to be missing', async () => {
    await cache.set(1, undefined);
    expect(await cache.get(1)).toBeUndefined();
    expect(await cache.has(1)).toBe(false);
    expect(origin.loads).toEqual([]);
    await cache.set(1, null);
    expect(await cache.get(1)).toBeNull();
    expect(await cache.has(1)).toBe(true);
  });

  test('is refused by name when it does not fit', async () => {
    await expect(cache.set(1, () => {})).rejects.toMatchObject({ code: 'E_ENCODE' });
    await expect(one.caches.open(small).set(1, 'much too long')).rejects.toMatchObject({ code: 'E_ENCODE' });
    await expect(cache.set(1, 'a', { tags: ['t'] })).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(one.caches.open(labelled).set(1, 'a', { ttl: '2m' })).rejects.toMatchObject({
      code: 'E_USAGE',
      message: 'expected `ttl` to be at most that of caches.labelled, got 2m',
    });
    await expect(cache.set('1' as never, 'a')).rejects.toMatchObject({ code: 'E_KEY' });
    expect(await one.cacheRedis.keys('*e:*')).toEqual([]);
  });
});

describe('has', () => {
  test('neither loads nor counts', async () => {
    const before = [one.hits.length, one.misses.length];
    expect(await cache.has(1)).toBe(false);
    await cache.set(1, 0);
    expect(await cache.has(1)).toBe(true);
    expect([one.hits.length, one.misses.length]).toEqual(before);
    expect(origin.loads).toEqual([]);
  });
});

test('missing ids are remembered up to a number, so that nonsense does not fill the cache', async () => {
  const forgets = one.caches.open(few);
  await forgets.getMany([1, 2, 3, 4]);
  await settled();
  expect(await one.cacheRedis.keys('*e:*')).toHaveLength(2);
  expect(one.told('entry:refused')).toEqual([
    { cache: 'few', why: 'negative-max' },
    { cache: 'few', why: 'negative-max' },
  ]);
  expect(await one.cacheRedis.keys('*:l')).toEqual([]);
  await clock.advance(6_000);
  await forgets.get(5);
  await settled();
  expect(await one.cacheRedis.keys('*e:5')).toHaveLength(1);
});

test('stats count what the reads of this process found', async () => {
  const [fresh] = await Promise.all([counter([plain, small], { clock })]);
  const counted = fresh.caches.open(plain);
  origin.rows.set(1, 'a');
  await counted.getMany([1, 2]);
  await fresh.caches.settled();
  await counted.get(1);
  await counted.get(2);
  const redis = { hits: 1, stale: 0, negatives: 1, misses: 2 };
  expect(counted.stats()).toEqual({
    ...redis,
    loads: 1,
    loadErrors: 0,
    refreshes: 0,
    refused: {},
    tiers: { redis },
  });
  origin.rows.set(1, 'much too long');
  await fresh.caches.open(small).get(1);
  expect(fresh.caches.open(small).stats()).toMatchObject({ misses: 1, refused: { 'too-big': 1 } });
});

describe('a ttl', () => {
  test('that slides is moved on by reads, up to its end', async () => {
    const slides = one.caches.open(sliding);
    const fresh = async () => (await one.caches.look('sliding', ['1']))[0]!.freshUntil - clock.now();
    await slides.set(1, 'a');
    await clock.advance(20_000);
    await slides.get(1);
    await settled();
    expect(await fresh(), 'not at every read').toBe(40_000);
    for (const [left, expected] of [
      [20_000, 60_000],
      [40_000, 60_000],
      [40_000, 60_000],
      [40_000, 20_000],
    ] as const) {
      await clock.advance(left);
      await slides.get(1);
      await settled();
      expect(await fresh()).toBe(expected);
    }
    expect(await ttlOf(1)).toBeLessThanOrEqual(60_000);
  });

  test('may be what the value says', async () => {
    origin.rows.set(1, { minutes: 30 }).set(2, 'now');
    const says = one.caches.open(byValue);
    await says.getMany([1, 2]);
    await settled();
    expect(await ttlOf(1)).toBeGreaterThan(1_700_000);
    await expect.poll(() => says.has(2)).toBe(false);
  });
});
