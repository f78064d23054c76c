import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hourMs } from '../../../src/duration.ts';
import { experts } from '../../../src/forecast/experts.ts';
import { weightOf } from '../../../src/forecast/fold.ts';
import { learnAll, rankAll, scoreAt } from '../../../src/forecast/rank.ts';
import { type Candidate, halfLifeHours } from '../../../src/rooms.ts';

const bucket = 480_000;
const byName = (name: string) => experts.find((expert) => expert.name === name)!;
const moment = { now: bucket * hourMs, horizonMs: hourMs, lastBucket: bucket - 1 };

/** A key that was read so often, so many hours ago. */
function candidate(history: Readonly<Record<number, number>>, more: Partial<Candidate> = {}): Candidate {
  const ages = Object.keys(history).map(Number);
  const rate = (halfLife: (typeof halfLifeHours)[number]) =>
    ages.reduce((all, age) => all + history[age]! * 0.5 ** (age / halfLife), 0) / weightOf(halfLife);
  return {
    key: 'k',
    rates: Object.fromEntries(halfLifeHours.map((h) => [h, rate(h)])) as Candidate['rates'],
    knownHours: Math.max(...ages) + 1,
    lastBucket: moment.lastBucket - Math.min(...ages),
    accesses: ages.reduce((all, age) => all + history[age]!, 0),
    ...more,
  };
}

const candidates = fc
  .record({
    history: fc.dictionary(
      fc.integer({ min: 0, max: 3_000 }).map(String),
      fc.integer({ min: 1, max: 50_000 }),
      {
        minKeys: 1,
        maxKeys: 20,
      },
    ),
    echo: fc.option(
      fc.record({
        last: fc.nat(10_000),
        yesterday: fc.nat(10_000),
        weeks: fc.array(fc.nat(10_000), { minLength: 4, maxLength: 4 }),
      }),
      { nil: undefined },
    ),
  })
  .map(({ history, echo }) => candidate(history, echo === undefined ? {} : { echo }));

test('every expert gives a finite heat of at least 0, the same each time, which is the sum of its terms', () => {
  fc.assert(
    fc.property(fc.array(candidates, { minLength: 1, maxLength: 30 }), (given) => {
      const first = scoreAt(given, { ...moment, learned: new Map() });
      const learned = learnAll(experts, { candidates: given, at: first, isRead: (i) => i % 3 === 0 });
      const at = scoreAt(given, { ...moment, learned });
      for (const expert of experts)
        for (const each of given) {
          const { heat, terms } = expert.score(each, at);
          expect(heat).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(heat)).toBe(true);
          expect(expert.heat(each, at)).toBe(heat);
          expect(terms.reduce((sum, term) => sum + term.heat, 0)).toBeCloseTo(heat, 6);
        }
    }),
    { numRuns: 50 },
  );
});

describe('what each of them sees', () => {
  const heat = (name: string, of: Candidate) => byName(name).heat(of, moment);
  const steady = Object.fromEntries(Array.from({ length: 1_000 }, (_, ago) => [ago, 2]));
  const echo = { last: 2, yesterday: 2, weeks: [2, 2, 2, 2] };

  test('the hour of week: what is read at this hour of this weekday, and what is not', () => {
    const usual = heat('blend-week-hour', candidate(steady, { echo }));
    expect(usual / byName('blend-168-24-3h').heat(candidate(steady), moment)).toBeCloseTo(1, 1);
    expect(
      heat('blend-week-hour', candidate(steady, { echo: { ...echo, weeks: [20, 20, 20, 20] } })),
    ).toBeGreaterThan(3 * usual);
    expect(
      heat('blend-week-hour', candidate(steady, { echo: { ...echo, weeks: [0, 0, 0, 0] } })),
    ).toBeLessThan(0.7 * usual);
  });

  test('weeks before a key was known say nothing about it', () => {
    const young = (weeks: number[]) =>
      heat('blend-week-hour', candidate({ 0: 3, 5: 3 }, { echo: { ...echo, weeks } }));
    expect(young([0, 0, 0, 0])).toBe(young([9, 9, 9, 9]));
  });

  test('the trend: of two keys with as many reads lately, the one that rises', () => {
    const rising = candidate({ 0: 8, 1: 8, 2: 8 });
    const falling = candidate({
      0: 8,
      1: 8,
      2: 8,
      ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [i + 10, 30])),
    });
    expect(rising.rates[6] / falling.rates[6]).toBeLessThan(1);
    expect(heat('trend-6-24h', rising)).toBeGreaterThan(heat('trend-6-24h', falling) * 0.4);
    expect(heat('trend-6-24h', rising)).toBeGreaterThan(byName('ewma-6h').heat(rising, moment));
    expect(heat('trend-6-24h', falling)).toBeLessThan(byName('ewma-6h').heat(falling, moment));
  });

  test('recency: who was read last, then who was read more', () => {
    expect(heat('recency', candidate({ 0: 1 }))).toBeGreaterThan(heat('recency', candidate({ 1: 1_000 })));
    expect(heat('recency', candidate({ 0: 9 }))).toBeGreaterThan(heat('recency', candidate({ 0: 1 })));
  });

  test('the last hour and all of time', () => {
    expect(heat('previous-window', candidate({ 0: 5 }, { echo: { ...echo, last: 5 } }))).toBeCloseTo(
      5 / 3_600,
      12,
    );
    expect(heat('frequency', candidate({ 0: 5, 9: 5 }))).toBeCloseTo(1 / 3_600, 12);
  });
});

describe('the regression', () => {
  /** What was read yesterday at this hour will be read; other counts tell nothing. */
  const group = (turn: number): Candidate[] =>
    Array.from({ length: 60 }, (_, i) =>
      candidate(
        { 3: 1 + ((i * 7 + turn) % 5), 30: 4 },
        { key: `k${i}`, echo: { last: (i + turn) % 3, yesterday: i % 4 === 0 ? 5 : 0, weeks: [0, 0, 0, 0] } },
      ),
    );
  const isRead = (i: number) => i % 4 === 0;
  const teach = (hours: number) => {
    let learned: ReadonlyMap<string, readonly number[]> = new Map();
    for (let turn = 0; turn < hours; turn++) {
      const given = group(turn);
      const at = scoreAt(given, { ...moment, now: moment.now + turn * hourMs, learned });
      learned = learnAll([byName('logistic')], { candidates: given, at, isRead });
    }
    return learned;
  };

  test('finds what foretells a read, and its chances are near the truth', () => {
    const given = group(99);
    const at = scoreAt(given, { ...moment, learned: teach(48) });
    const [best] = rankAll([byName('logistic')], given, at, 15).values();
    expect(best!.filter(isRead)).toHaveLength(15);
    const chance = (i: number) => 1 - Math.exp(-byName('logistic').heat(given[i]!, at) * 3_600);
    expect(chance(0)).toBeGreaterThan(0.8);
    expect(chance(1)).toBeLessThan(0.2);
  });

  test('learns the same from the same hours, and does not touch what it was given', () => {
    expect(teach(5)).toEqual(teach(5));
    const before = teach(3).get('logistic')!;
    const copy = [...before];
    const given = group(1);
    byName('logistic').learn!(before, { candidates: given, at: scoreAt(given, moment), isRead });
    expect(before).toEqual(copy);
  });
});
