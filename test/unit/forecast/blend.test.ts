import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hourMs } from '../../../src/duration.ts';
import { blend } from '../../../src/forecast/blend.ts';
import { ewma } from '../../../src/forecast/ewma.ts';
import { weightOf } from '../../../src/forecast/fold.ts';
import type { ScoreAt } from '../../../src/forecast/scorer.ts';
import { type Candidate, type HalfLifeHours, halfLifeHours } from '../../../src/rooms.ts';

const at: ScoreAt = { now: 480_000 * hourMs, horizonMs: hourMs, lastBucket: 479_999 };

/** A key with a history, as the state in Postgres would show it: accesses by hours ago. */
function candidate(history: Readonly<Record<number, number>>): Candidate {
  const ages = Object.keys(history).map(Number);
  const sum = (halfLife: HalfLifeHours) =>
    ages.reduce((all, age) => all + history[age]! * 0.5 ** (age / halfLife), 0);
  return {
    key: 'k',
    rates: Object.fromEntries(halfLifeHours.map((h) => [h, sum(h) / weightOf(h)])) as Candidate['rates'],
    knownHours: Math.max(...ages) + 1,
    lastBucket: at.lastBucket - Math.min(...ages),
    accesses: ages.reduce((all, age) => all + history[age]!, 0),
  };
}
const always = (perHour: number, hours: number) =>
  candidate(Object.fromEntries(Array.from({ length: hours }, (_, age) => [age, perHour])));
const perHour = (of: Candidate) => blend.score(of, at).heat * 3_600;

test('one rate of one half-life is the whole of a plain average', () => {
  const key = candidate({ 0: 7, 30: 100 });
  const { heat, terms } = ewma(6).score(key, at);
  expect(heat).toBeCloseTo(key.rates[6] / 3_600, 12);
  expect(terms).toEqual([{ name: 'ewma-6h', heat }]);
});

describe('the blend', () => {
  test('gives a key that is read evenly the rate it is read at', () => {
    expect(perHour(always(20, 1_000))).toBeCloseTo(20, -0.5);
    expect(perHour(always(20, 1_000))).toBeGreaterThan(17);
  });

  test('lets news rise within the hour', () => {
    const news = candidate({ 0: 200, 1: 150, 2: 40 });
    expect(perHour(news)).toBeGreaterThan(60);
    expect(perHour(news)).toBeGreaterThan(perHour(always(20, 1_000)));
  });

  test('lets what was hot and fell silent sink', () => {
    const hot = Object.fromEntries(Array.from({ length: 48 }, (_, i) => [i + 12, 100]));
    expect(perHour(candidate(hot))).toBeLessThan(25);
  });

  test('does not let two accesses of the last hour overtake what is read every day', () => {
    const daily = candidate(Object.fromEntries(Array.from({ length: 60 }, (_, day) => [5 + day * 24, 24])));
    expect(perHour(candidate({ 0: 2 }))).toBeLessThan(perHour(daily));
  });

  test('does not hold the time before its first access against a new key', () => {
    expect(perHour(always(3, 20))).toBeGreaterThan(2.7);
  });

  test('is the sum of its terms, is never negative, and never falls when a key is read more', () => {
    const history = fc.dictionary(
      fc.integer({ min: 0, max: 2_000 }).map(String),
      fc.integer({ min: 1, max: 10_000 }),
      {
        minKeys: 1,
        maxKeys: 30,
      },
    );
    const shares = fc.option(
      fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 24, maxLength: 24 }).map((all) => {
        const total = all.reduce((sum, each) => sum + each, 0);
        return all.map((each) => each / total);
      }),
      { nil: undefined },
    );
    fc.assert(
      fc.property(history, shares, (given, hourShares) => {
        const moment = { ...at, ...(hourShares === undefined ? {} : { hourShares }) };
        const { heat, terms } = blend.score(candidate(given), moment);
        expect(heat).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(heat)).toBe(true);
        expect(terms.reduce((sum, term) => sum + term.heat, 0)).toBeCloseTo(heat, 6);
        const newest = String(Math.min(...Object.keys(given).map(Number)));
        const more = blend.score(candidate({ ...given, [newest]: given[newest]! + 1 }), moment);
        expect(more.heat).toBeGreaterThanOrEqual(heat);
      }),
    );
  });
});
