import { describe, expect, test } from 'vitest';
import { hourMs } from '../../../src/duration.ts';
import { daytime, exposure, hourShares } from '../../../src/forecast/daytime.ts';
import { weightOf } from '../../../src/forecast/fold.ts';
import type { ScoreAt } from '../../../src/forecast/scorer.ts';
import { type Candidate, halfLifeHours } from '../../../src/rooms.ts';

const midnight = 20_000 * 24;
const even = new Array<number>(24).fill(1 / 24);
const office = even.map((_, hour) => (hour >= 8 && hour < 16 ? 0.1 : 0.2 / 16));
const at = (hour: number, shares: readonly number[], horizonMs: number = hourMs): ScoreAt => ({
  now: (midnight + hour) * hourMs,
  horizonMs,
  lastBucket: midnight + hour - 1,
  hourShares: shares,
});
const read = (hours: number[] | undefined, knownHours = 500): Candidate => ({
  key: 'k',
  rates: { 1: 1, 3: 1, 6: 1, 24: 1, 72: 1, 168: 1 },
  knownHours,
  lastBucket: midnight,
  accesses: 1,
  ...(hours === undefined ? {} : { hours }),
});
const onlyAt = (hour: number, count: number) => even.map((_, each) => (each === hour ? count : 0));

describe('the hour of day', () => {
  test('says nothing while the days of a cache are too few', () => {
    const { hourShares: _none, ...unknown } = at(9, even);
    expect(daytime(read(onlyAt(9, 100)), unknown)).toBe(1);
  });

  test('of a key without hours of its own is that of its cache', () => {
    expect(daytime(read(undefined), at(9, office))).toBeCloseTo(2.4, 6);
    expect(daytime(read(undefined), at(20, office))).toBeCloseTo(0.3, 6);
  });

  test('makes a key hotter before its own hour and cooler before the others', () => {
    const nightly = read(onlyAt(3, 500));
    expect(daytime(nightly, at(3, even))).toBeGreaterThan(7);
    expect(daytime(nightly, at(15, even))).toBeLessThan(0.2);
  });

  test('needs evidence: a few accesses barely move it', () => {
    expect(daytime(read(onlyAt(3, 2)), at(3, even))).toBeLessThan(1.5);
  });

  test('is not that of a key that has been known for less than two days', () => {
    expect(daytime(read(onlyAt(3, 500), 47), at(3, even))).toBeCloseTo(1, 6);
  });

  test('is bounded beside the cache it belongs to', () => {
    const quiet = even.map((_, hour) => (hour === 3 ? 0.005 : 0.995 / 23));
    expect(daytime(read(onlyAt(3, 1e6)), at(3, quiet))).toBeCloseTo(0.005 * 24 * 8, 6);
  });

  test('is the mean over the hours that the horizon touches, over midnight too', () => {
    const key = read(undefined);
    expect(daytime(key, at(7.5, office))).toBeCloseTo((0.3 + 2.4) / 2, 6);
    expect(daytime(key, at(0, office, 24 * hourMs))).toBeCloseTo(1, 6);
    expect(daytime(key, at(22, office, 12 * hourMs))).toBeCloseTo((10 * 0.3 + 2 * 2.4) / 12, 6);
    expect(daytime(key, at(9, office, 0))).toBeCloseTo(2.4, 6);
  });
});

describe('the shares of a cache', () => {
  test('add up to one, are smooth and leave no hour without', () => {
    const shares = hourShares([read(onlyAt(3, 100)), read(onlyAt(4, 300)), read(undefined)])!;
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(Math.min(...shares)).toBeGreaterThan(0.004);
    expect(shares[4]).toBeGreaterThan(shares[3]!);
    expect(shares[5]).toBeGreaterThan(shares[6]!);
  });

  test('are not known from keys of less than two days', () => {
    expect(hourShares([read(onlyAt(3, 100), 40), read(undefined)])).toBeUndefined();
    expect(hourShares([])).toBeUndefined();
  });
});

describe('exposure', () => {
  test('is the weight of the hours seen where every hour is alike', () => {
    for (const halfLife of halfLifeHours) {
      for (const known of [1, 5, 24, 25, 100, 10_000]) {
        expect(exposure(halfLife, known, at(9, even))).toBeCloseTo(weightOf(halfLife, known), 6);
      }
    }
  });

  test('is the sum over the hours by its definition', () => {
    for (const known of [1, 7, 24, 49, 300]) {
      const sum = Array.from(
        { length: known },
        (_, ago) => 0.5 ** (ago / 24) * office[(9 - 1 - ago + 24 * 20) % 24]! * 24,
      );
      expect(exposure(24, known, at(9, office))).toBeCloseTo(
        sum.reduce((all, each) => all + each, 0),
        6,
      );
    }
  });
});
