import fc from 'fast-check';
import { expect, test } from 'vitest';
import { weightOf } from '../../../src/forecast/fold.ts';
import { createTable } from '../../../src/forecast/table.ts';
import { halfLifeHours } from '../../../src/rooms.ts';

const fill = (size: number, counts: Record<number, number>) => {
  const all = new Int32Array(size);
  for (const [key, count] of Object.entries(counts)) all[Number(key)] = count;
  return all;
};

test('knows of each key what a fold in Postgres would know', () => {
  const table = createTable(['a', 'b']);
  table.add(100, Int32Array.of(0), fill(2, { 0: 4 }));
  table.add(101, Int32Array.of(0, 1), fill(2, { 0: 2, 1: 20 }));
  // Two hours without a read, and a day later.
  table.add(124, Int32Array.of(1), fill(2, { 1: 10 }));
  const a = table.candidate(0, 0);
  for (const halfLife of [1, 24, 168] as const)
    expect(a.rates[halfLife] * weightOf(halfLife)).toBeCloseTo(
      4 * 0.5 ** (24 / halfLife) + 2 * 0.5 ** (23 / halfLife),
      9,
    );
  expect(a).toMatchObject({ key: 'a', knownHours: 25, lastBucket: 101, accesses: 6 });
  expect(a.hours).toBeUndefined();
  const { hours } = table.candidate(1, 1);
  expect(hours![101 % 24]).toBeCloseTo(20 * 0.5 ** (23 / 72), 4);
  expect(hours![124 % 24]).toBeCloseTo(10, 4);
  expect([table.last, table.previous(0), table.previous(1)]).toEqual([124, 0, 10]);
  expect(table.hottest(1)).toEqual([1]);
});

test('a profile is right after years, too', () => {
  const table = createTable(['a']);
  for (let day = 0; day < 3 * 365; day++) table.add(day * 24, Int32Array.of(0), fill(1, { 0: 3 }));
  const { hours } = table.candidate(0, 0);
  expect(hours![0]).toBeCloseTo(3 / (1 - 0.5 ** (24 / 72)), 3);
});

test('the hottest are those of the largest rate by any memory, whatever was asked before', () => {
  const size = 30;
  const names = Array.from({ length: size }, (_, key) => `k${key}`);
  const step = fc.record({
    after: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 2_000 })),
    counts: fc.dictionary(
      fc.nat(size - 1).map(String),
      fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5_000 })),
      { minKeys: 1 },
    ),
    most: fc.integer({ min: 1, max: size }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const table = createTable(names);
      const history: { at: number; key: number; count: number }[] = [];
      let now = 0;
      for (const { after, counts, most } of steps) {
        now += after;
        const read = Object.entries(counts).map(([key, count]) => ({ at: now, key: Number(key), count }));
        history.push(...read);
        table.add(now, Int32Array.from(read, ({ key }) => key).sort(), fill(size, counts));
        const heats = names.map((_, key) => {
          const own = history.filter((each) => each.key === key);
          return Math.max(
            ...halfLifeHours.map(
              (halfLife) =>
                own.reduce((sum, { at, count }) => sum + count * 0.5 ** ((now - at) / halfLife), 0) /
                (weightOf(halfLife) + 12),
            ),
          );
        });
        const best = heats.filter((heat) => heat > 0).toSorted((a, b) => b - a);
        const found = table.hottest(most).map((key) => heats[key]!);
        expect(new Set(table.hottest(most)).size).toBe(found.length);
        expect(found).toHaveLength(Math.min(most, best.length));
        found.forEach((heat, i) => {
          // What has all but faded is cut off where Postgres cuts it off.
          if (best[i]! > 1e-7) expect(heat / best[i]!).toBeCloseTo(1, 6);
        });
      }
    }),
  );
});
