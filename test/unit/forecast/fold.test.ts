import { describe, expect, test } from 'vitest';
import { leftOf, leftSql, leftTables, lookedUpSql, weightOf } from '../../../src/forecast/fold.ts';
import { halfLifeHours } from '../../../src/rooms.ts';

describe('decay', () => {
  test('leaves half after a half-life, all at once and never more', () => {
    for (const halfLife of halfLifeHours) {
      expect(leftOf(halfLife, halfLife)).toBeCloseTo(0.5, 12);
      expect(leftOf(0, halfLife)).toBe(1);
      expect(leftOf(-5, halfLife)).toBe(1);
    }
  });

  test('never reaches what exp() of Postgres would refuse', () => {
    expect(leftOf(1e9, 1)).toBeGreaterThan(0);
    expect(leftOf(1e9, 1)).toBeLessThan(1e-20);
  });

  test('is written in float8 only', () => {
    for (const halfLife of halfLifeHours) {
      expect(leftSql('a - b', halfLife)).toMatch(/^exp\(.*\(a - b\) \* -[\d.]+::float8/);
    }
  });
});

test('what a statement looks up is what is left, and it computes what is not in the table', () => {
  halfLifeHours.forEach((halfLife, i) => {
    const table = leftTables[i]!.slice(1, -1).split(',').map(Number);
    expect(table.length).toBeGreaterThan(2 * 168);
    for (const [age, left] of table.entries()) expect(left).toBe(leftOf(age, halfLife));
    const sql = lookedUpSql('a - b', halfLife, 3);
    expect(sql).toBe(`coalesce(($${3 + i}::float8[])[a - b + 1], ${leftSql('a - b', halfLife)})`);
  });
});

test('a decayed sum over its weight is a rate, for the hours that were seen', () => {
  for (const halfLife of halfLifeHours) {
    for (const hours of [1, 5, 400]) {
      const sum = Array.from({ length: hours }, (_, age) => 3 * leftOf(age, halfLife)).reduce(
        (all, each) => all + each,
        0,
      );
      expect(sum / weightOf(halfLife, hours)).toBeCloseTo(3, 6);
    }
    expect(weightOf(halfLife)).toBeCloseTo(weightOf(halfLife, 1e6), 6);
  }
});
