import { describe, expect, test } from 'vitest';
import { groupByRise, risesIn, risesOf } from '../../../src/forecast/rise.ts';
import type { Candidate } from '../../../src/rooms.ts';

const day = (of: (hour: number) => number) => Array.from({ length: 24 }, (_, hour) => of(hour));
const between = (from: number, to: number, high = 10, low = 0) =>
  day((hour) => (hour >= from && hour < to ? high : low));
const candidate = (key: string, hours: number[] | undefined, more: Partial<Candidate> = {}): Candidate => ({
  key,
  rates: { 1: 1, 3: 1, 6: 1, 24: 1, 72: 1, 168: 1 },
  knownHours: 200,
  lastBucket: 0,
  accesses: 100,
  ...(hours === undefined ? {} : { hours }),
  ...more,
});

describe('a day rises', () => {
  test.each([
    ['with office hours', between(8, 18), [8]],
    ['at midnight', between(0, 6), [0]],
    ['late, into the next day', day((hour) => (hour >= 22 || hour < 3 ? 10 : 0)), [22]],
    ['for one hour, as a report does', between(7, 8), [7]],
    ['for one hour above a murmur', between(7, 8, 60, 1), [7]],
    ['twice', day((hour) => ([7, 8, 18, 19, 20].includes(hour) ? 10 : 1)), [7, 18]],
    ['once, for all its dents', day((hour) => (hour < 8 || hour > 20 ? 0 : hour % 3 === 0 ? 7 : 10)), [8]],
    ['in a wave', day((hour) => 1 - Math.cos((hour / 24) * 2 * Math.PI)), [6]],
    ['never, when it is even', day(() => 4), []],
    ['never, when it is nearly even', day((hour) => 10 + (hour % 5)), []],
    ['never, when nobody reads', day(() => 0), []],
  ])('%s', (_, hours, rises) => expect(risesOf(hours)).toEqual(rises));
});

describe('a key', () => {
  const daily = Array.from({ length: 40 }, (_, i) => candidate(`c${i}`, between(8, 20)));
  const nightly = Array.from({ length: 20 }, (_, i) => candidate(`n${i}`, between(21, 23, 40)));
  const all = [...daily, ...nightly];
  const rises = (one: Candidate) =>
    Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => risesIn(hour, [...all, one])(one));

  test('has its own day where that differs from its cache’s by more than chance', () => {
    expect(rises(candidate('own', between(2, 4, 30)))).toEqual([2]);
  });

  test('has its cache’s where it does not, or where too little is known of it', () => {
    expect(rises(candidate('few', between(2, 4, 1)))).toEqual([8, 21]);
    expect(rises(candidate('none', undefined))).toEqual([8, 21]);
    expect(rises(candidate('new', between(2, 4, 90), { knownHours: 20 }))).toEqual([8, 21]);
  });

  test('does not rise with the others where it is hardly read in those hours', () => {
    expect(rises(candidate('day', between(8, 20, 2.5)))).toEqual([8]);
    expect(rises(candidate('night', between(21, 23, 6)))).toEqual([21]);
  });
});

test('keys are grouped by the hour of their rise, with what they are read and cost then', () => {
  const keys = [
    ...Array.from({ length: 30 }, (_, i) => candidate(`d${i}`, between(8, 20), { costMs: 20 })),
    ...Array.from({ length: 10 }, (_, i) => candidate(`n${i}`, between(21, 23, 40))),
  ];
  expect(groupByRise(keys)).toEqual([
    { hour: 8, keys: 30, readsPerHour: expect.closeTo(60, 6), costMs: 20 },
    { hour: 21, keys: 10, readsPerHour: expect.closeTo(120, 6), costMs: 10 },
  ]);
});

test('nothing rises before two days are known, nor where there is no key', () => {
  expect(groupByRise([candidate('a', between(8, 20), { knownHours: 47 })])).toEqual([]);
  expect(groupByRise([])).toEqual([]);
  expect(risesIn(8, [])(candidate('a', between(8, 20)))).toBe(false);
});
