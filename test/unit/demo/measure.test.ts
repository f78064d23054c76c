import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  busiest,
  densest,
  expectedMisses,
  figures,
  pace,
  percentile,
  type Request,
  sparsest,
} from '../../../src/demo/measure.ts';

const minute = 60_000;
const request = (at: number, key: string): Request => ({ at, key, caller: 'user' });

describe('figures', () => {
  test('tell the first five minutes from the hour', () => {
    const told = figures([
      { at: 0, ms: 4, isMiss: true },
      { at: 4 * minute, ms: 1, isMiss: false },
      { at: 5 * minute, ms: 2, isMiss: false },
      { at: 50 * minute, ms: 3, isMiss: false },
    ]);
    expect(told.firstFiveMinutes).toEqual({ reads: 2, misses: 1, hitRatio: 0.5 });
    expect(told.hour).toEqual({ reads: 4, misses: 1, hitRatio: 0.75 });
    expect(told.p50Ms).toBe(2);
    expect(told.p99Ms).toBe(4);
  });

  test('of nothing are zero', () => {
    expect(figures([]).hour).toEqual({ reads: 0, misses: 0, hitRatio: 0 });
    expect(figures([]).p99Ms).toBe(0);
  });
});

test('a percentile is one of the values, with that share at or below it', () => {
  const sorted = Array.from({ length: 100 }, (_, i) => i + 1);
  expect(percentile(sorted, 0.5)).toBe(50);
  expect(percentile(sorted, 0.99)).toBe(99);
  expect(percentile(sorted, 1)).toBe(100);
  expect(percentile([7], 0.01)).toBe(7);
});

describe('perfect foresight', () => {
  const requests = ['b', 'a', 'a', 'c', 'b', 'a', 'd'].map((key, at) => request(at, key));

  test('takes what is asked for most, whenever in the hour that is', () => {
    expect(busiest(requests, 2)).toEqual(['a', 'b']);
    expect(busiest([...requests].reverse(), 4)).toEqual(busiest(requests, 4));
  });

  test('is never beaten by another choice of as many keys', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const misses = (reads: readonly Request[], warm: readonly string[]) => expectedMisses(reads, warm);
    fc.assert(
      fc.property(fc.array(key), fc.uniqueArray(key), (keys, choice) => {
        const reads = keys.map((name, at) => request(at, name));
        expect(misses(reads, busiest(reads, choice.length))).toBeLessThanOrEqual(misses(reads, choice));
      }),
    );
  });
});

test('a key misses once, and not at all when it is warm', () => {
  const requests = ['a', 'a', 'b', 'c'].map((key, at) => request(at, key));
  expect(expectedMisses(requests, [])).toBe(3);
  expect(expectedMisses(requests, ['a', 'z'])).toBe(2);
});

describe('pace', () => {
  test('is what was begun in the time it took', () => {
    const even = Array.from({ length: 101 }, (_, i) => ({ at: i * 20, size: 10 }));
    expect(pace(even).total).toBe(1_010);
    expect(pace(even).ms).toBe(2_000);
    expect(pace(even).perSecond).toBeCloseTo(500);
    expect(pace(even).peakPerSecond).toBeCloseTo(500);
  });

  test('shows a burst that the mean hides', () => {
    const burst = [0, 1, 2, 3, 4].map((at) => ({ at, size: 100 }));
    const told = pace([...burst, { at: 1_000, size: 100 }]);
    expect(told.perSecond).toBeCloseTo(500);
    expect(told.peakPerSecond).toBe(2_500);
  });

  test('of one piece is not known', () => {
    expect(pace([{ at: 5, size: 3 }])).toEqual({ total: 3, ms: 0, perSecond: 0, peakPerSecond: 0 });
    expect(pace([]).total).toBe(0);
  });
});

describe('windows', () => {
  const even = Array.from({ length: 100 }, (_, i) => ({ at: i * 20, size: 10 }));

  test('of an even pace are alike', () => {
    expect(densest(even, 200)).toBe(100);
    expect(sparsest(even, 200)).toBe(100);
  });

  test('show a burst and a gap', () => {
    const uneven = even.filter(({ at }) => at < 600 || at >= 900).concat([{ at: 1_500, size: 70 }]);
    const sorted = uneven.sort((a, b) => a.at - b.at);
    expect(densest(sorted, 200)).toBe(170);
    expect(sparsest(sorted, 200)).toBe(0);
  });

  test('are never fuller than everything, nor emptier than nothing', () => {
    const begun = fc.array(fc.record({ at: fc.nat(1_000), size: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(begun, fc.integer({ min: 1, max: 500 }), (loads, windowMs) => {
        const sorted = [...loads].sort((a, b) => a.at - b.at);
        const most = densest(sorted, windowMs);
        expect(most).toBeLessThanOrEqual(sorted.reduce((sum, { size }) => sum + size, 0));
        expect(most).toBeGreaterThanOrEqual(Math.max(...sorted.map(({ size }) => size)));
        expect(sparsest(sorted, windowMs)).toBeGreaterThanOrEqual(0);
        if (Number.isFinite(sparsest(sorted, windowMs)))
          expect(sparsest(sorted, windowMs)).toBeLessThanOrEqual(densest(sorted, windowMs + 1));
      }),
    );
  });
});
