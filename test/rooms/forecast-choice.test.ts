import { beforeEach, expect, test } from 'vitest';
import { hourMs } from '../../src/duration.ts';
import { judged } from '../../src/forecast/choice.ts';
import { experts } from '../../src/forecast/experts.ts';
import { chosenFor, readStandings } from '../../src/forecast/postgres-choice.ts';
import { type Count, closing, forecastRoom, monday } from './forecast-parts.ts';

const { db, forecasts, count, empty } = await forecastRoom();

beforeEach(empty);

/** A catalogue that is always read a little, and fads that pass within the hour: a short memory thinks much of those. */
function hourOf(bucket: number): Count[] {
  const catalogue = Array.from({ length: 20 }, (_, i) => ({ key: `c${i}`, bucket, accesses: 2 }));
  const fads = Array.from({ length: 20 }, (_, i) => ({ key: `f${bucket}-${i}`, bucket, accesses: 9 }));
  return [...catalogue, ...fads];
}
const scorerAt = async (bucket: number) =>
  (await forecasts.forecast('products', { now: closing(bucket), horizonMs: hourMs, most: 100 })).scorer;

test('the experts are judged by each hour before it is folded, and the best makes the forecasts', async () => {
  await count(hourOf(monday));
  await forecasts.fold(closing(monday));
  expect(await readStandings(db.pool, 'products')).toEqual([]);
  for (let bucket = monday + 1; bucket <= monday + 60; bucket++) {
    await count(hourOf(bucket));
    await forecasts.fold(closing(bucket));
    if (bucket === monday + 23) {
      // Too little to go by.
      expect(await chosenFor(db.pool, 'products')).toBeUndefined();
      expect(await scorerAt(bucket)).toMatch(/^blend/);
    }
  }
  const standings = await readStandings(db.pool, 'products');
  expect(standings).toHaveLength(experts.length);
  for (const { hours } of standings) expect(hours).toBe(60);
  const scores = new Map(standings.map(({ name, score }) => [name, score]));
  expect(scores.get('ewma-168h')!).toBeGreaterThan(scores.get('ewma-1h')! + 0.05);
  expect((await chosenFor(db.pool, 'products'))?.name).toBe(standings[0]!.name);
  expect(await scorerAt(monday + 60)).toBe(standings[0]!.name);
});

test('an expert that foresees everything has a score near 1, and nothing of the hour itself is known', async () => {
  const always = (bucket: number) =>
    Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, bucket, accesses: 3 }));
  await count(always(monday));
  await forecasts.fold(closing(monday));
  let score = 0;
  for (let bucket = monday + 1; bucket <= monday + 3; bucket++) {
    await count(always(bucket));
    await forecasts.fold(closing(bucket));
    score = judged(score, 1, 1);
  }
  for (const standing of await readStandings(db.pool, 'products'))
    expect(standing.score).toBeCloseTo(score, 9);
  // All of this hour is new: whoever foresaw any of it would have seen it.
  await count(Array.from({ length: 40 }, (_, i) => ({ key: `new${i}`, bucket: monday + 4, accesses: 3 })));
  await forecasts.fold(closing(monday + 4));
  for (const standing of await readStandings(db.pool, 'products'))
    expect(standing.score).toBeCloseTo(judged(score, 0, 1), 9);
});

test('an hour is judged once, hours with few reads are not', async () => {
  await count(hourOf(monday));
  await forecasts.fold(closing(monday));
  await count(hourOf(monday + 1));
  await forecasts.fold(closing(monday + 1));
  await forecasts.fold(closing(monday + 1));
  const hours = async () => (await readStandings(db.pool, 'products'))[0]?.hours;
  expect(await hours()).toBe(1);
  await count([{ key: 'c1', bucket: monday + 2, accesses: 29 }]);
  await forecasts.fold(closing(monday + 2));
  expect(await hours()).toBe(1);
  // Missed hours that are few are judged one after the other.
  await count([...hourOf(monday + 3), ...hourOf(monday + 5)]);
  await forecasts.fold(closing(monday + 5));
  expect(await hours()).toBe(3);
});

test('after an import the last day of it is judged by, so that there is a choice at once', async () => {
  await count(Array.from({ length: 100 }, (_, i) => hourOf(monday + i)).flat());
  await forecasts.fold(closing(monday + 99));
  expect((await readStandings(db.pool, 'products'))[0]?.hours).toBe(24);
  expect(await scorerAt(monday + 99)).toBe((await readStandings(db.pool, 'products'))[0]!.name);
});

test('an expert of another build is not asked for', async () => {
  await count(hourOf(monday));
  await forecasts.fold(closing(monday));
  await db.rows(`insert into samovar.expert select id, 'oracle', 1, 100, $1 from samovar.cache`, [monday]);
  expect(await readStandings(db.pool, 'products')).toEqual([]);
  expect(await scorerAt(monday)).toMatch(/^blend/);
});
