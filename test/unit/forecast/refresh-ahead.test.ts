import { describe, expect, test } from 'vitest';
import {
  always,
  readAtLeast,
  removedAt,
  simulateRefresh,
  worthAbove,
} from '../../../src/forecast/refresh-ahead.ts';
import { createTraffic } from '../../../src/forecast/traffic.ts';

const hour = 3_600;
const start = 480_000 * hour;
const build = (reads: readonly (readonly [string, number])[]) => {
  const traffic = createTraffic();
  for (const [key, at] of reads.toSorted(([, a], [, b]) => a - b)) traffic.add(key, at);
  return traffic.build();
};
const ttlMs = hour * 1_000;

/** One key read every `every` seconds, another every two days. */
const twoKeys = (every: number) =>
  build([
    ...Array.from({ length: (8 * 24 * hour) / every }, (_, i) => ['hot', start + i * every] as const),
    ...Array.from({ length: 4 }, (_, i) => ['cold', start + i * 48 * hour + 7] as const),
  ]);

describe('refreshing', () => {
  test('everything removes all misses after the first, at the price of loads that nobody reads', () => {
    const outcome = simulateRefresh(twoKeys(600), { ttlMs }, { always })['always']!;
    expect(outcome.misses).toBe(0);
    expect(outcome.removed).toBe(1);
    // Of the cold key nearly each of the 96 hours that count is loaded for nobody.
    expect(outcome.unread).toBeGreaterThan(85);
    expect(outcome.unread).toBeLessThanOrEqual(97);
  });

  test('what is worth it keeps the hot key fresh and lets the cold one expire', () => {
    const outcome = simulateRefresh(twoKeys(600), { ttlMs }, { worth: worthAbove(0.7) })['worth']!;
    expect(outcome.misses).toBe(2);
    expect(outcome.unread).toBe(0);
    expect(outcome.removed).toBeGreaterThan(0.95);
    expect(outcome.extraLoads).toBeLessThan(0.2);
  });

  test('counts what is done in the second half only, against a base that refreshes nothing', () => {
    const traffic = build([
      ['a', start],
      ['a', start + 10 * hour],
      ['a', start + 12 * hour],
      ['a', start + 20 * hour],
    ]);
    const outcomes = simulateRefresh(traffic, { ttlMs }, { none: () => false, recent: readAtLeast(1) });
    expect(outcomes['none']).toMatchObject({
      reads: 3,
      misses: 3,
      expiryMisses: 3,
      removed: 0,
      extraLoads: 0,
    });
    expect(outcomes['recent']).toMatchObject({ refreshes: 0 });
  });

  test('earlier than at the end costs more loads for the same misses', () => {
    const [atEnd, early] = [1, 0.8].map(
      (at) => simulateRefresh(twoKeys(600), { ttlMs, at }, { worth: worthAbove(0.5) })['worth']!,
    );
    expect(early!.misses).toBe(atEnd!.misses);
    expect(early!.refreshes / atEnd!.refreshes).toBeCloseTo(1.25, 1);
  });
});

test('between two outcomes the share removed is read off the line', () => {
  const outcome = (extraLoads: number, removed: number) => ({ extraLoads, removed }) as never;
  const curve = [outcome(0.3, 0.4), outcome(0.1, 0.2)];
  expect(removedAt(curve, 0.2)).toBeCloseTo(0.3, 9);
  expect(removedAt(curve, 0.05)).toBeCloseTo(0.1, 9);
  expect(removedAt(curve, 1)).toBeCloseTo(0.4, 9);
});
