import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop({ timeout: '2s' });
const products = defineCache('products', {
  origin: origin.origin,
  key: key.number,
  ttl: '1m',
  load: (ids) => origin.load(ids),
  tags: () => ['all'],
});
const one = await counter([products]);
const two = await counter([products]);

beforeEach(async () => {
  origin.release();
  await Promise.all([one.caches.settled(), two.caches.settled()]);
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
});

const request = { keys: ['1'], reason: 'refresh', force: true } as const;
const refresh = (by = one) => by.caches.fill('products', { ...request, signal: AbortSignal.timeout(9_000) });

/** What may overtake the refresh of a key of which nothing is stored. */
const overtakes: [string, string | undefined, () => Promise<unknown>][] = [
  ['a deletion', undefined, () => two.caches.open(products).delete(1)],
  ['its tag', undefined, () => two.caches.invalidate({ tags: ['all'] })],
  ['the end of its cache', undefined, () => two.caches.invalidate({ cache: 'products', all: true })],
  [
    'an expiry by hand',
    undefined,
    () => two.caches.invalidate({ cache: 'products', ids: [1], mode: 'expire' }),
  ],
  ['a value that is set', 'set', () => two.caches.open(products).set(1, 'set')],
  [
    'a newer refresh',
    'new',
    async () => {
      // The lease is over before its holder is.
      for (const name of await two.cacheRedis.keys('test:*:l')) await two.cacheRedis.del(name);
      origin.rows.set(1, 'new');
      origin.release();
      expect((await refresh(two)).results).toEqual(['written']);
    },
  ],
];

describe.each(overtakes)('a refresh of what is not there loses against %s', (_, stays, overtake) => {
  test('that came after it had read', async () => {
    origin.rows.set(1, 'old');
    let answer = () => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const slow = defineCache('products', {
      ...products,
      async load(ids: number[]) {
        const found = await origin.load(ids);
        await held;
        return found;
      },
    });
    const late = await counter([slow]);
    const refreshing = refresh(late);
    await until(() => origin.loads.length === 1, 'it has read');
    await overtake();
    origin.rows.set(1, 'newest');
    answer();
    expect((await refreshing).results).not.toContain('fresh');
    for (const { caches } of [two, late]) {
      expect(await caches.open(products).get(1)).toBe(stays ?? 'newest');
      await caches.settled();
    }
  });
});

test('a refresh whose time was over when it had loaded writes nothing', async () => {
  const clock = fakeClock();
  const slow = await counter([products], { clock });
  origin.rows.set(1, 'old');
  origin.hold();
  const refreshing = refresh(slow);
  await until(() => origin.loads.length === 1, 'it has read');
  await clock.advance(2_000);
  expect((await refreshing).results).toEqual(['failed']);
  origin.rows.set(1, 'new');
  origin.release();
  expect(await two.caches.open(products).get(1)).toBe('new');
});
