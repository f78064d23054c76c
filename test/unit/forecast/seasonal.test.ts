import { describe, expect, test } from 'vitest';
import { hourMs } from '../../../src/duration.ts';
import { loadSeasonal } from '../../../src/forecast/augurs.ts';
import { ownExperts } from '../../../src/forecast/own.ts';
import type { Lesson, Scorer } from '../../../src/forecast/scorer.ts';
import { type FitSeries, seasonal, seasonalName } from '../../../src/forecast/seasonal.ts';
import type { Candidate } from '../../../src/rooms.ts';

const monday = Date.UTC(2026, 0, 5) / hourMs;
const day = (peak: number) => Array.from({ length: 24 }, (_, hour) => (hour === peak ? 10 : 1));
const candidate = (key: string, hours?: number[]): Candidate => ({
  key,
  rates: { 1: 4, 3: 4, 6: 4, 24: 4, 72: 4, 168: 4 },
  knownHours: 400,
  lastBucket: 0,
  accesses: 100,
  ...(hours === undefined ? {} : { hours }),
});
/** One is read in the mornings, one in the evenings, one at any time; every other hour somebody else. */
const keys = [candidate('morning', day(9)), candidate('evening', day(20)), candidate('any')];
const isReadAt = (bucket: number) => (i: number) => {
  const hour = bucket % 24;
  return i === 0 ? hour >= 8 && hour < 11 : i === 1 ? hour >= 19 && hour < 22 : true;
};
const at = (bucket: number, learned?: readonly number[]) => ({
  now: bucket * hourMs,
  horizonMs: hourMs,
  lastBucket: bucket - 1,
  ...(learned === undefined ? {} : { learned: new Map([[seasonalName, learned]]) }),
});
const lesson = (bucket: number): Lesson => ({ candidates: keys, at: at(bucket), isRead: isReadAt(bucket) });
function taught(expert: Scorer, hours: number, from = monday, before?: readonly number[]) {
  let learned = before;
  for (let bucket = from; bucket < from + hours; bucket++) learned = expert.learn!(learned, lesson(bucket));
  return learned!;
}
const heats = (expert: Scorer, bucket: number, learned?: readonly number[]) =>
  keys.map((key) => (expert.heat(key, at(bucket, learned)) * 3_600) / 4);

const dayBefore: FitSeries = (series, ahead) => Array.from(series.slice(-24)).slice(0, ahead);

describe('the seasonal expert', () => {
  const expert = seasonal(dayBefore);

  test('is its memory of a day until it knows three days', () => {
    expect(heats(expert, monday)).toEqual([1, 1, 1]);
    expect(heats(expert, monday + 71, taught(expert, 71))).toEqual([1, 1, 1]);
  });

  test('then expects more of a group in its hours, and less in others', () => {
    const learned = taught(expert, 96);
    const [morning, evening, any] = heats(expert, monday + 96 + 9, learned);
    expect([morning, evening]).toEqual([expect.closeTo(7.9, 0), 1 / 8]);
    expect(any).toBeCloseTo(1);
    expect(heats(expert, monday + 96 + 20, learned)[1]).toBeGreaterThan(7);
  });

  test('changes nothing that it was given, and is told of an hour once', () => {
    const learned = Object.freeze(taught(expert, 96));
    expert.learn!(learned, lesson(monday + 96));
    expect(expert.learn!(learned, lesson(monday + 95))).toEqual(learned);
    expect(expert.learn!(learned, lesson(monday + 40))).toEqual(learned);
  });

  test('fills hours that were not judged, and begins anew after a gap of days', () => {
    const learned = taught(expert, 96);
    const later = expert.learn!(learned, lesson(monday + 96 + 9));
    expect(heats(expert, monday + 97 + 9, later)[0]).toBeGreaterThan(1);
    const new_ = expert.learn!(learned, lesson(monday + 96 + 60));
    expect(heats(expert, monday + 96 + 61, new_)).toEqual([1, 1, 1]);
    expect(expert.learn!([1, 2, 3], lesson(monday))).toHaveLength(learned.length);
  });

  test('goes by the day before where no model is found, and by no number that is none', () => {
    const failing = seasonal(() => {
      throw new Error('no model found');
    });
    expect(heats(failing, monday + 96 + 9, taught(failing, 96))[0]).toBeGreaterThan(7);
    const mad = seasonal((_, ahead) => new Array(ahead).fill(Number.NaN));
    expect(heats(mad, monday + 96 + 9, taught(mad, 96))[0]).toBeGreaterThan(7);
  });
});

test('the library foresees the days of groups', async () => {
  const expert = await loadSeasonal();
  expect(expert.name).toBe('seasonal-groups');
  const [morning, evening] = heats(expert, monday + 96 + 9, taught(expert, 96));
  expect(morning).toBeGreaterThan(4);
  expect(evening).toBeLessThan(0.5);
});

test('without the library it is said what is missing', async () => {
  const missing = () => Promise.reject(new Error("Cannot find package '@bsull/augurs'"));
  await expect(loadSeasonal(missing)).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringContaining('@bsull/augurs'),
    hints: expect.arrayContaining(['npm install @bsull/augurs']),
  });
});

test('nobody else has its name', () => {
  const mine = { kind: 'expert', name: seasonalName, perHour: () => 1 } as const;
  expect(() => ownExperts([mine], () => {})).toThrow("'seasonal-groups' is the name of a built-in expert");
});
