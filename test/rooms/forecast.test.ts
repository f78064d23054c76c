import { beforeEach, describe, expect, test } from 'vitest';
import { dayMs, hourMs } from '../../src/duration.ts';
import { createForecasts } from '../../src/forecast/postgres.ts';
import type { Scorer } from '../../src/forecast/scorer.ts';
import { type Candidate, halfLifeHours } from '../../src/rooms.ts';
import { type Count, closing, forecastRoom, monday } from './forecast-parts.ts';

const { db, forecasts, count, countLate, holdingMark, empty, states } = await forecastRoom();

beforeEach(empty);

const now = closing(monday);
const ask = { now, horizonMs: hourMs, most: 100 };

/** Every hour up to Monday, back to `hours` before. */
const steadily = (key: string, accesses: number, hours: number, until = monday): Count[] =>
  Array.from({ length: hours }, (_, ago) => ({ key, bucket: until - ago, accesses }));

const keysOf = async (options = ask, cache = 'products') =>
  (await forecasts.forecast(cache, options)).rows.map(({ key }) => key);

test('the hottest key comes first, with a heat near the rate at which it was read', async () => {
  await count([
    ...steadily('hot', 36, 500),
    ...steadily('warm', 6, 500),
    { key: 'once', bucket: monday, accesses: 1 },
  ]);
  await forecasts.fold(now);
  const forecast = await forecasts.forecast('products', ask);
  expect(forecast).toMatchObject({
    cache: 'products',
    at: now,
    horizonMs: hourMs,
    scorer: 'blend-168-24-3h',
  });
  expect(forecast.rows.map(({ key }) => key)).toEqual(['hot', 'warm', 'once']);
  expect(forecast.rows[0]!.heat * 3_600).toBeGreaterThan(30);
  expect(forecast.rows[0]!.heat * 3_600).toBeLessThan(40);
});

test('a cache that was never read, or is not known, has an empty forecast', async () => {
  expect((await forecasts.forecast('unheard-of', ask)).rows).toEqual([]);
  await db.rows(`insert into samovar.cache (name) values ('quiet')`);
  expect((await forecasts.forecast('quiet', ask)).rows).toEqual([]);
});

test('caches do not see the keys of each other', async () => {
  await count(steadily('a', 3, 5), 'products');
  await count(steadily('b', 9, 5), 'prices');
  await forecasts.fold(now);
  expect(await keysOf()).toEqual(['a']);
  expect(await keysOf(ask, 'prices')).toEqual(['b']);
});

test('no more keys leave Postgres than were asked for, and they are the hottest', async () => {
  await count(Array.from({ length: 50 }, (_, i) => steadily(`k${i}`, i + 1, 30)).flat());
  await forecasts.fold(now);
  expect(await keysOf({ ...ask, most: 3 })).toEqual(['k49', 'k48', 'k47']);
});

test('keys that were read once just now do not crowd out those that are read every few hours', async () => {
  const seldom = Array.from({ length: 100 }, (_, i) => ({
    key: 'seldom',
    bucket: monday - 2 - i * 4,
    accesses: 1,
  }));
  const crawled = Array.from({ length: 200 }, (_, i) => ({
    key: `crawled-${i}`,
    bucket: monday,
    accesses: 1,
  }));
  await count([...seldom, ...crawled]);
  await forecasts.fold(now);
  expect(await keysOf({ ...ask, most: 1 })).toEqual(['seldom']);
});

test('after hours in which nothing at all was read the forecast is what it was', async () => {
  await count([...steadily('always', 5, 200), ...steadily('news', 30, 2)]);
  await forecasts.fold(now);
  const before = await forecasts.forecast('products', ask);
  const later = now + 3 * dayMs;
  await forecasts.fold(later);
  const after = await forecasts.forecast('products', { ...ask, now: later });
  expect(after.rows).toEqual(before.rows);
});

test('reads of the open hour count at once: a cache is known from its first minute', async () => {
  await count([{ key: 'first', bucket: monday + 1, accesses: 5 }]);
  const young = await forecasts.forecast('products', ask);
  expect(young.rows.map(({ key }) => key)).toEqual(['first']);

  await count([...steadily('old', 2, 100), { key: 'rising', bucket: monday + 1, accesses: 400 }]);
  await forecasts.fold(now);
  const { rows } = await forecasts.forecast('products', ask);
  expect(rows.map(({ key }) => key)).toEqual(['rising', 'old', 'first']);
});

test('what is known of a load and its size comes along', async () => {
  await count([...steadily('a', 3, 5), ...steadily('b', 2, 5)]);
  await db.rows(`update samovar.cache_key set cost_ms = 12.5, size_bytes = 300 where key = 'a'`);
  await forecasts.fold(now);
  const { rows } = await forecasts.forecast('products', ask);
  expect(rows[0]).toMatchObject({ key: 'a', costMs: 12.5, bytes: 300 });
  expect(Object.keys(rows[1]!)).toEqual(['key', 'heat', 'terms']);
});

test('a scorer sees rates decayed to the last hour that was read, by their definition', async () => {
  const seen: Candidate[] = [];
  const spy: Scorer = {
    name: 'spy',
    heat: () => 1,
    score: (candidate, at) => {
      seen.push(candidate);
      expect(at).toMatchObject({ now, horizonMs: hourMs, lastBucket: monday });
      return { heat: 1, terms: [] };
    },
  };
  const history = [10, 4, 3].map((ago) => ({ key: 'a', bucket: monday - ago, accesses: 8 + ago }));
  await count([...history, { key: 'b', bucket: monday, accesses: 1 }]);
  await forecasts.fold(now);
  await createForecasts(db.pool, { retention: { plansMs: dayMs }, scorer: spy }).forecast('products', ask);
  const candidate = seen.find(({ key }) => key === 'a')!;
  expect(candidate).toMatchObject({ knownHours: 11, lastBucket: monday - 3, accesses: 41 });
  for (const halfLife of halfLifeHours) {
    const sum = history.reduce(
      (all, each) => all + each.accesses * 0.5 ** ((monday - each.bucket) / halfLife),
      0,
    );
    expect(candidate.rates[halfLife]).toBeCloseTo(sum * (1 - 0.5 ** (1 / halfLife)), 4);
  }
});

describe('a kept forecast', () => {
  test('is the newest of its cache, with the terms of every key', async () => {
    await count([...steadily('a', 3, 60), ...steadily('"b", {c}\n', 2, 60)]);
    await db.rows(`update samovar.cache_key set cost_ms = 12.5 where key = 'a'`);
    await forecasts.fold(now);
    expect(await forecasts.latest('products')).toBeUndefined();
    const made = await forecasts.forecast('products', ask);
    await forecasts.keep({ ...made, at: now - hourMs, rows: [] });
    const id = await forecasts.keep(made);
    expect(id).toBeGreaterThan(0);
    const kept = await forecasts.latest('products');
    expect(kept).toMatchObject({ cache: 'products', at: now, horizonMs: hourMs, scorer: made.scorer });
    expect(kept!.rows.map(({ key }) => key)).toEqual(made.rows.map(({ key }) => key));
    kept!.rows.forEach((row, i) => {
      const { heat, terms, costMs } = made.rows[i]!;
      expect(row.heat).toBeCloseTo(heat, 8);
      expect(row.costMs).toBe(costMs);
      expect(row.terms.map(({ name }) => name)).toEqual(terms.map(({ name }) => name));
      expect(row.terms.reduce((sum, term) => sum + term.heat, 0)).toBeCloseTo(heat, 8);
    });
  });

  test('of heats too small for a real is kept as well', async () => {
    await count([{ key: 'a', bucket: monday, accesses: 1 }]);
    await forecasts.fold(now);
    const row = { key: 'a', heat: 1e-60, terms: [{ name: 't', heat: 1e-60 }] };
    await forecasts.keep({ cache: 'products', at: now, horizonMs: 1, scorer: 's', rows: [row] });
    expect((await forecasts.latest('products'))!.rows).toEqual([
      { key: 'a', heat: 0, terms: [{ name: 't', heat: 0 }] },
    ]);
  });
});

describe('pruning', () => {
  test('drops forecasts that are too old, and no others', async () => {
    await count([{ key: 'a', bucket: monday, accesses: 1 }]);
    await forecasts.fold(now);
    for (const age of [0, 13 * dayMs, 15 * dayMs])
      await forecasts.keep({ cache: 'products', at: now - age, horizonMs: hourMs, scorer: 's', rows: [] });
    expect(await forecasts.prune(now)).toEqual({ states: 0, forecasts: 1 });
    expect(await db.rows('select at from samovar.forecast')).toHaveLength(2);
  });

  test('forgets the keys that fell silent for months while others were read', async () => {
    await count([{ key: 'gone', bucket: monday - 60 * 24, accesses: 2 }]);
    await count([{ key: 'back', bucket: monday - 30 * 24, accesses: 2 }]);
    await forecasts.fold(now);
    expect((await forecasts.prune(now)).states).toBe(0);
    await countLate([{ key: 'new', bucket: monday, accesses: 1 }]);
    await forecasts.fold(now);
    expect((await forecasts.prune(now)).states).toBe(1);
    expect([...(await states()).keys()]).toEqual(['back', 'new']);
  });

  test('leaves a key alone that a fold under way brings back', async () => {
    await count([
      { key: 'gone', bucket: monday - 60 * 24, accesses: 2 },
      { key: 'new', bucket: monday, accesses: 1 },
    ]);
    await forecasts.fold(now);
    await count([{ key: 'gone', bucket: monday + 1, accesses: 50 }]);
    await holdingMark(async ({ waiting, release }) => {
      const folding = forecasts.fold(closing(monday + 1));
      await waiting(1);
      const pruning = forecasts.prune(now);
      await waiting(2);
      await release();
      expect(await folding).toEqual({ buckets: 1, keys: 1 });
      expect(await pruning).toEqual({ states: 0, forecasts: 0 });
    });
    expect((await states()).get('gone')!.e1).toBe(50);
  });
});
