import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { defineCache } from '../../src/define.ts';
import { counter, shop, soldBy } from './cache-counter.ts';

const origin = shop();
const base = soldBy(origin);
const plain = defineCache('plain', base);
const tagged = defineCache('tagged', { ...base, tags: () => ['all'] });
const defs = [plain, tagged];
const commandTimeoutMs = 100;
const app = await counter(defs, { commandTimeoutMs });

/** Each turn of the event loop takes longer than a command may. */
let isStanding = false;
const sent = () => new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
const stand = (): void => {
  const from = systemClock.elapsed();
  while (systemClock.elapsed() - from < 1.5 * commandTimeoutMs);
  if (isStanding) setTimeout(stand, 1);
};

beforeEach(async () => {
  await app.cacheRedis.flushdb();
  origin.loads.length = 0;
  app.told('store:failed').length = 0;
  isStanding = true;
});
afterEach(() => {
  isStanding = false;
});

test.each([plain, tagged])(
  'a process that stands still calls no answer of Redis late: $name',
  async (def) => {
    origin.rows.set(1, 'pot').set(2, 'pan');
    setTimeout(stand, 1);
    const cache = app.caches.open(def);
    expect(await cache.get(1)).toBe('pot');
    await app.caches.settled();
    expect(await cache.get(1)).toBe('pot');
    expect([...(await cache.getMany([1, 2]))]).toEqual([
      [1, 'pot'],
      [2, 'pan'],
    ]);
    await app.caches.settled();
    expect(await cache.has(2)).toBe(true);
    expect(origin.loads).toEqual([[1], [2]]);
    expect(app.told('store:failed')).toEqual([]);
  },
);

test('nor one to a read that was sent just before', async () => {
  origin.rows.set(3, 'lid');
  const cache = app.caches.open(plain);
  await cache.get(3);
  await app.caches.settled();
  isStanding = false;
  for (let i = 0; i < 3; i++) {
    const reading = cache.get(3);
    await sent();
    stand();
    expect(await reading).toBe('lid');
  }
  expect(origin.loads).toEqual([[3]]);
  expect(app.told('store:failed')).toEqual([]);
});
