import { expect, test } from 'vitest';
import { weightOf } from '../../../src/forecast/fold.ts';
import { createTable } from '../../../src/forecast/table.ts';

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
