import { describe, expect, test } from 'vitest';
import { leftOf, leftSql, weightOf } from '../../../src/forecast/fold.ts';
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
