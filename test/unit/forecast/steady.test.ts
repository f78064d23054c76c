import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Plans } from '../../../src/forecast/backtest.ts';
import { createShelf } from '../../../src/forecast/shelf.ts';
import { createSteady } from '../../../src/forecast/steady.ts';
import { createTraffic } from '../../../src/forecast/traffic.ts';

/** The same in a few words: a list, the one used last at its end. */
function plain(ttl: number, capacity: number) {
  let entries: { key: number; endsAt: number }[] = [];
  return (key: number, now: number): boolean => {
    entries = entries.filter(({ endsAt }) => endsAt > now);
    const found = entries.find((entry) => entry.key === key);
    if (found === undefined && entries.length === capacity) entries.shift();
    entries = [...entries.filter((entry) => entry !== found), found ?? { key, endsAt: now + ttl }];
    return found !== undefined;
  };
}

test('a shelf forgets what has ended and what was used longest ago', () => {
  const steps = fc.array(fc.record({ key: fc.nat(7), after: fc.nat(4) }), { maxLength: 80 });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 9 }),
      (reads, ttl, room) => {
        let shelf = createShelf({ keys: 8, ttlSeconds: ttl, capacity: room });
        const read = plain(ttl, room);
        let now = 100;
        for (const { key, after } of reads) {
          now += after;
          const isHit = shelf.isFresh(key, now);
          expect(isHit).toBe(read(key, now));
          if (isHit) shelf.touch(key);
          else shelf.put(key, now);
          expect(shelf.live(now)).toBeLessThanOrEqual(room);
          shelf = shelf.copy();
        }
      },
    ),
  );
});

const hour = 3_600;
/** In each of six hours the keys 0 to 9 are read once, in this order. */
const traffic = (() => {
  const built = createTraffic();
  for (let at = 0; at < 6; at++)
    for (let key = 0; key < 10; key++) built.add(String(key), at * hour + key * 60);
  return built.build();
})();
const plansOf = (order: readonly number[]): Plans[] =>
  [3, 4, 5].map((at) => ({
    window: { at: at * hour, from: at * 10, to: (at + 1) * 10 },
    orders: new Map([['auto', Int32Array.from(order)]]),
  }));
const everything = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

test('a load ahead spares one miss of a key that is read, and nothing of one that is fresh', () => {
  const lapsed = createSteady(traffic, plansOf(everything), {
    ttlSeconds: hour / 2,
    capacity: Number.POSITIVE_INFINITY,
    from: 3 * hour,
  });
  expect(lapsed()).toEqual({ reads: 30, misses: 30, loads: 0 });
  expect(lapsed({ rule: 'auto', most: 4, isGuarded: false })).toEqual({ reads: 30, misses: 18, loads: 12 });
  const lasting = createSteady(traffic, plansOf(everything), {
    ttlSeconds: 10 * hour,
    capacity: Number.POSITIVE_INFINITY,
    from: 3 * hour,
  });
  expect(lasting({ rule: 'auto', most: 4, isGuarded: false })).toEqual({ reads: 30, misses: 0, loads: 0 });
});

test('a full cache is left alone with the guard, and loses what is hot without', () => {
  const full = createSteady(traffic, plansOf([9, 8, 7, 6, 5, 4]), {
    ttlSeconds: 10 * hour,
    capacity: 6,
    from: 3 * hour,
  });
  const base = full();
  expect(base).toEqual({ reads: 30, misses: 30, loads: 0 });
  expect(full({ rule: 'auto', most: 6, isGuarded: true })).toEqual(base);
  expect(full({ rule: 'auto', most: 6, isGuarded: false }).misses).toBe(30);
});
