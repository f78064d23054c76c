import { beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { headOf } from '../../src/store/entry.ts';
import { fakeClock } from '../../src/testing/clock.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop();
const ttlMs = 600_000;
const options = {
  origin: origin.origin,
  key: key.number,
  ttl: '10m',
  jitter: 0,
  refreshAhead: 0.8,
  load: (ids: number[]) => origin.load(ids),
} as const;
const products = defineCache('products', options);
const packed = defineCache('packed', { ...options, compressAbove: 10 });
const strict = defineCache('strict', { ...options, refreshAhead: { max: 1, min: 1 } });
const tagged = defineCache('tagged', { ...options, tags: (id) => [`tag:${id}`] });
const stillThere = new Set<number>();
const asked: number[][] = [];
const checked = defineCache('checked', {
  ...options,
  stillCurrent(old: ReadonlyMap<number, unknown>) {
    asked.push([...old.keys()]);
    return [...old.keys()].filter((id) => stillThere.has(id));
  },
});
const all = [products, packed, strict, tagged, checked];
const app = await counter(all);
const other = await counter(all);
const signal = new AbortController().signal;

const ages = (cache: string, keys: readonly string[]) => app.caches.ages(cache, keys);
const renew = async (cache: string, keys: readonly string[], renews?: readonly number[]) => {
  await app.caches.settled();
  const known = await ages(cache, keys);
  return app.caches.fill(cache, {
    keys,
    renews: renews ?? known.map((age) => age?.filledAt ?? 0),
    reason: 'refresh',
    signal,
  });
};
const lifeOf = async (cache: string, name: string) => {
  const [age] = await ages(cache, [name]);
  return age && age.freshUntil - age.filledAt;
};

beforeEach(async () => {
  await app.caches.settled();
  await app.cacheRedis.flushdb();
  await app.queueRedis.flushdb();
  for (const id of [1, 2, 3]) origin.rows.set(id, { name: `product number ${id}` });
  origin.loads.length = 0;
  asked.length = 0;
  stillThere.clear();
});

describe('an entry that is renewed', () => {
  test('is loaded again while it is fresh, and says that a refresh filled it', async () => {
    await app.caches.open(products).getMany([1, 2]);
    expect(await renew('products', ['1', '2'])).toMatchObject({ results: ['written', 'written'] });
    expect(origin.loads).toEqual([
      [1, 2],
      [1, 2],
    ]);
    const [entry] = await app.store.getMany('products', ['1']);
    expect(headOf(entry!)).toMatchObject({ filledBy: 'f' });
  });

  test.each([products, packed])(
    'lives longer when its value is the same, shorter when it changed: $name',
    async ({ name }) => {
      await app.caches.open(all.find((each) => each.name === name)!).getMany([1, 2]);
      origin.rows.set(2, { name: 'product number 2, at a new price' });
      expect(await renew(name, ['1', '2'])).toMatchObject({ unchanged: 1, stillCurrent: [] });
      expect(await lifeOf(name, '1')).toBe(1.1 * ttlMs);
      expect(await lifeOf(name, '2')).toBe(0.9 * ttlMs);
      await renew(name, ['1', '2']);
      expect(await lifeOf(name, '1')).toBe(Math.floor(1.1 * 1.1 * ttlMs));
    },
  );

  test('keeps to the bounds of its cache', async () => {
    await app.caches.open(strict).get(1);
    await renew('strict', ['1']);
    expect(await lifeOf('strict', '1')).toBe(ttlMs);
  });

  test('does not live shorter while the origin is strained', async () => {
    await app.caches.open(products).get(1);
    origin.rows.set(1, 'new');
    await app.queueRedis.hset('test:{budget:shop}', 'factor', '0.5');
    const strained = await counter(all);
    await app.caches.settled();
    const [age] = await strained.caches.ages('products', ['1']);
    await strained.caches.fill('products', {
      keys: ['1'],
      renews: [age!.filledAt],
      reason: 'refresh',
      signal,
    });
    expect(await lifeOf('products', '1')).toBe(ttlMs);
  });

  test('that the origin has no more becomes a missing one', async () => {
    await app.caches.open(products).get(1);
    origin.rows.delete(1);
    expect(await renew('products', ['1'])).toMatchObject({ results: ['missing'] });
    expect(await app.caches.open(products).get(1)).toBeUndefined();
    expect(origin.loads).toHaveLength(2);
  });
});

describe('what is renewed is never', () => {
  test('what was deleted before', async () => {
    await app.caches.open(products).get(1);
    await app.caches.settled();
    const [age] = await ages('products', ['1']);
    await other.caches.open(products).delete(1);
    expect(await renew('products', ['1'], [age!.filledAt])).toMatchObject({ results: ['lost'] });
    expect(origin.loads).toHaveLength(1);
    expect(await ages('products', ['1'])).toEqual([undefined]);
  });

  test.each(['delete', 'tag', 'clear'] as const)('what is deleted while it loads: %s', async (way) => {
    await app.caches.open(tagged).get(1);
    origin.hold();
    const renewing = renew('tagged', ['1']);
    await expect.poll(() => origin.loads.length).toBe(2);
    if (way === 'delete') await other.caches.open(tagged).delete(1);
    else if (way === 'tag') await other.caches.invalidate({ tags: ['tag:1'] });
    else await other.caches.invalidate({ cache: 'tagged', all: true });
    origin.release();
    expect(await renewing).toMatchObject({ results: ['lost'] });
    expect(await ages('tagged', ['1'])).toEqual([undefined]);
  });

  test('what somebody has set meanwhile', async () => {
    await app.caches.open(products).get(1);
    origin.hold();
    const renewing = renew('products', ['1']);
    await expect.poll(() => origin.loads.length).toBe(2);
    await other.caches.open(products).set(1, 'newer');
    origin.release();
    expect(await renewing).toMatchObject({ results: ['lost'] });
    expect(await other.caches.open(products).get(1)).toBe('newer');
  });

  test('what was filled again since it was looked at', async () => {
    await app.caches.open(products).get(1);
    expect(await renew('products', ['1'], [systemClock.now() - 5_000])).toMatchObject({ results: ['fresh'] });
    expect(origin.loads).toHaveLength(1);
  });

  test('what another process is refreshing just now, by its list or by chance', async () => {
    await app.caches.open(products).getMany([1, 2]);
    await app.caches.settled();
    const [age] = await ages('products', ['1']);
    // A reader that comes just before the end, and is told by chance to refresh.
    const eager = await counter(all, { chance: () => 1 - 1e-9, clock: fakeClock(age!.freshUntil - 1e-3) });
    await eager.caches.open(products).get(2);
    await eager.caches.settled();
    expect(origin.loads).toEqual([[1, 2], [2]]);

    origin.hold();
    const renewing = renew('products', ['1'], [age!.filledAt]);
    await expect.poll(() => origin.loads.length).toBe(3);
    const again = { keys: ['1'], renews: [age!.filledAt], reason: 'refresh', signal } as const;
    expect(await other.caches.fill('products', again)).toMatchObject({ results: ['busy'] });
    await eager.caches.open(products).get(1);
    await eager.caches.settled();
    origin.release();
    expect(await renewing).toMatchObject({ results: ['written'] });
    expect(origin.loads).toEqual([[1, 2], [2], [1]]);
    // And the other way round: what a reader has refreshed is fresh for the list.
    expect(await other.caches.fill('products', again)).toMatchObject({ results: ['fresh'] });
  });
});

describe('a check whether values still hold', () => {
  test('lets those live on without a load that do', async () => {
    await app.caches.open(checked).getMany([1, 2, 3]);
    stillThere.add(1).add(3);
    const report = await renew('checked', ['1', '2', '3']);
    expect(report).toMatchObject({
      results: ['fresh', 'written', 'fresh'],
      stillCurrent: [0, 2],
      unchanged: 3,
    });
    expect(asked).toEqual([[1, 2, 3]]);
    expect(origin.loads).toEqual([[1, 2, 3], [2]]);
    expect(await lifeOf('checked', '1')).toBe(1.1 * ttlMs);
    const [entry] = await app.store.getMany('checked', ['1']);
    expect(headOf(entry!)).toMatchObject({ filledBy: 'f' });
    expect(await app.caches.open(checked).get(1)).toEqual({ name: 'product number 1' });
    // Its lease was given back.
    expect(await renew('checked', ['1'])).toMatchObject({ stillCurrent: [0] });
  });

  test('marks them as refreshed by the round that asked', async () => {
    await app.caches.open(checked).getMany([1, 2]);
    await app.caches.settled();
    stillThere.add(2);
    const known = await ages('checked', ['1', '2']);
    const renews = known.map((age) => age!.filledAt);
    const round = {
      keys: ['1', '2'],
      renews,
      plan: 7,
      rows: [3, 70_000],
      reason: 'refresh',
      signal,
    } as const;
    await app.caches.fill('checked', round);
    const heads = (await app.store.getMany('checked', ['1', '2'])).map((bytes) => headOf(bytes!));
    expect(heads).toMatchObject([
      { plan: 7, row: 3 },
      { plan: 7, row: 70_000, loadMs: expect.any(Number) },
    ]);
    app.hits.length = 0;
    expect(await app.caches.open(checked).get(2)).toEqual({ name: 'product number 2' });
    expect(app.hits).toMatchObject([{ plan: 7, row: 70_000 }]);
  });

  test('is not believed of what was deleted meanwhile', async () => {
    await app.caches.open(checked).get(1);
    stillThere.add(1);
    const renewing = renew('checked', ['1']);
    await expect.poll(() => asked.length).toBe(1);
    await other.caches.open(checked).delete(1);
    await renewing;
    await other.caches.open(checked).delete(1);
    expect(await ages('checked', ['1'])).toEqual([undefined]);
  });
});
