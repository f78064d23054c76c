import { beforeEach, expect, test } from 'vitest';
import { dayMs, hourMs } from '../../src/duration.ts';
import { defineExpert } from '../../src/expert.ts';
import { judged, noMarks, scoreOf } from '../../src/forecast/choice.ts';
import { experts } from '../../src/forecast/experts.ts';
import { ownExperts } from '../../src/forecast/own.ts';
import { createForecasts } from '../../src/forecast/postgres.ts';
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
  expect(await forecasts.standings('products')).toEqual([]);
  for (let bucket = monday + 1; bucket <= monday + 60; bucket++) {
    await count(hourOf(bucket));
    await forecasts.fold(closing(bucket));
    if (bucket === monday + 5) {
      // Too little to go by.
      expect(await forecasts.choices('products')).toEqual([]);
      expect(await scorerAt(bucket)).toMatch(/^blend/);
    }
  }
  const standings = await forecasts.standings('products');
  expect(standings).toHaveLength(experts.length);
  for (const { hours } of standings) expect(hours).toBe(60);
  const scores = new Map(standings.map(({ name, score }) => [name, score]));
  expect(scores.get('ewma-168h')!).toBeGreaterThan(scores.get('ewma-1h')! + 0.05);
  const choices = await forecasts.choices('products');
  expect(choices[0]!.since).toBeGreaterThan((monday + 5) * hourMs);
  expect(await scorerAt(monday + 60)).toBe(choices[0]!.name);
  // Whoever is chosen is as good as the best, within what may be chance.
  expect(scores.get(choices[0]!.name)!).toBeGreaterThan(standings[0]!.score - 0.02);
});

test('an expert that foresees everything has a score near 1, and nothing of the hour itself is known', async () => {
  const always = (bucket: number) =>
    Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, bucket, accesses: 3 }));
  await count(always(monday));
  await forecasts.fold(closing(monday));
  let marks = noMarks;
  for (let bucket = monday + 1; bucket <= monday + 3; bucket++) {
    await count(always(bucket));
    await forecasts.fold(closing(bucket));
    marks = judged(marks, 1, 1);
  }
  for (const standing of await forecasts.standings('products')) expect(standing.score).toBeCloseTo(1, 9);
  // All of this hour is new: whoever foresaw any of it would have seen it.
  await count(Array.from({ length: 40 }, (_, i) => ({ key: `new${i}`, bucket: monday + 4, accesses: 3 })));
  await forecasts.fold(closing(monday + 4));
  for (const standing of await forecasts.standings('products'))
    expect(standing.score).toBeCloseTo(scoreOf(judged(marks, 0, 1), 4), 9);
});

test('an hour is judged once, hours with few reads are not', async () => {
  await count(hourOf(monday));
  await forecasts.fold(closing(monday));
  await count(hourOf(monday + 1));
  await forecasts.fold(closing(monday + 1));
  await forecasts.fold(closing(monday + 1));
  const hours = async () => (await forecasts.standings('products'))[0]?.hours;
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
  expect((await forecasts.standings('products'))[0]?.hours).toBe(24);
  expect(await scorerAt(monday + 99)).toBe((await forecasts.choices('products'))[0]!.name);
});

test('an expert of another build is not asked for', async () => {
  await count(hourOf(monday));
  await forecasts.fold(closing(monday));
  await db.rows(`insert into samovar.expert select id, 'oracle', 1, 100, $1, 1, $1 from samovar.cache`, [
    monday,
  ]);
  await db.rows(`insert into samovar.expert_choice select id, $1, 'oracle', 0.1 from samovar.cache`, [
    monday,
  ]);
  expect(await forecasts.standings('products')).toEqual([]);
  expect(await scorerAt(monday)).toMatch(/^blend/);
});

test('the choice and its history are kept: whoever leads from then on, and by how much', async () => {
  await count(Array.from({ length: 30 }, (_, i) => hourOf(monday + i)).flat());
  await forecasts.fold(closing(monday + 29));
  // From here on what was read in an hour is read in the next as well, and never again.
  for (let bucket = monday + 30; bucket < monday + 70; bucket++) {
    const turn = (at: number) =>
      Array.from({ length: 30 }, (_, i) => ({ key: `t${at}-${i}`, bucket, accesses: 3 }));
    await count([...turn(bucket), ...turn(bucket - 1)]);
    await forecasts.fold(closing(bucket));
  }
  const choices = await forecasts.choices('products');
  expect(choices.length).toBeGreaterThan(1);
  expect(choices.map(({ since }) => since)).toEqual(
    choices.map(({ since }) => since).toSorted((a, b) => b - a),
  );
  for (const { margin } of choices.slice(1)) expect(margin).toBeGreaterThanOrEqual(0);
  const ranks = (await forecasts.standings('products')).map(({ name }) => name);
  expect(ranks.indexOf(choices[0]!.name)).toBeLessThan(ranks.indexOf(choices.at(-1)!.name));
});

test('an expert of the application is judged and chosen like the others; one that throws harms nothing', async () => {
  const wrong: string[] = [];
  const rules = [
    defineExpert('oracle', ({ key }) => (key.startsWith('c') ? 1 : 0)),
    defineExpert('broken', () => {
      throw new Error('no such field');
    }),
    defineExpert('nonsense', () => Number.NaN),
  ];
  const own = createForecasts(db.pool, {
    retention: { plansMs: 14 * dayMs },
    experts: ownExperts(rules, (name) => wrong.push(name)),
  });
  // All of the catalogue, and so many fads that no memory can tell it from them at first.
  for (let bucket = monday; bucket < monday + 12; bucket++) {
    await count(hourOf(bucket).map((each) => ({ ...each, accesses: 3 })));
    await own.fold(closing(bucket));
  }
  const scores = new Map((await own.standings('products')).map(({ name, score }) => [name, score]));
  expect(scores.get('oracle')).toBeCloseTo(1, 6);
  expect([scores.get('broken'), scores.get('nonsense')]).toEqual([0, 0]);
  expect(wrong).toEqual(['broken']);
  expect(scores.size).toBe(experts.length + 3);
});

test('what was learned is kept: another process goes on from it', async () => {
  await count(Array.from({ length: 12 }, (_, i) => hourOf(monday + i)).flat());
  await forecasts.fold(closing(monday + 11));
  const learned = async () =>
    (await db.rows<{ learned: number[] }>(`select learned from samovar.expert where name = 'logistic'`))[0]!
      .learned;
  const before = await learned();
  expect(before).toHaveLength(18);
  const again = createForecasts(db.pool, { retention: { plansMs: 14 * dayMs } });
  await count(hourOf(monday + 12));
  await again.fold(closing(monday + 12));
  const after = await learned();
  expect(after).not.toEqual(before);
  // The squares of its steps only grow: it did not begin anew.
  for (let i = 9; i < 18; i++) expect(after[i]!).toBeGreaterThanOrEqual(before[i]!);
});

test('a cache that is renamed as the documentation says keeps its history, its standings and its choice', async () => {
  await count(Array.from({ length: 10 }, (_, i) => hourOf(monday + i)).flat());
  await forecasts.fold(closing(monday + 9));
  const ask = { now: closing(monday + 9), horizonMs: hourMs, most: 10 };
  const before = await forecasts.forecast('products', ask);
  const standings = await forecasts.standings('products');
  await db.rows(`update samovar.cache set name = 'goods' where name = 'products'`);
  expect(await forecasts.forecast('goods', ask)).toEqual({ ...before, cache: 'goods' });
  expect(await forecasts.standings('goods')).toEqual(standings);
  expect(await forecasts.standings('products')).toEqual([]);
});

test('an hour counted with zero reads changes no rate and is not judged', async () => {
  await count([{ key: 'a', bucket: monday, accesses: 40 }]);
  await forecasts.fold(closing(monday));
  const ask = { now: closing(monday + 1), horizonMs: hourMs, most: 10 };
  await count([{ key: 'zero', bucket: monday + 1, accesses: 0 }]);
  await forecasts.fold(closing(monday + 1));
  const { rows } = await forecasts.forecast('products', ask);
  expect(rows[0]!.key).toBe('a');
  for (const { key, heat } of rows) if (key === 'zero') expect(heat).toBe(0);
  expect(await forecasts.standings('products')).toEqual([]);
});
