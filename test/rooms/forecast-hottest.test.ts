import { beforeEach, expect, test } from 'vitest';
import { hourMs } from '../../src/duration.ts';
import { mostListed } from '../../src/forecast/postgres-hottest.ts';
import { type Count, closing, forecastRoom, monday } from './forecast-parts.ts';

const { db, forecasts, count, countLate, empty, states } = await forecastRoom();

beforeEach(empty);

const forecastAt = async (bucket: number, most = 100, cache = 'products') =>
  (await forecasts.forecast(cache, { now: closing(bucket), horizonMs: hourMs, most })).rows.map(
    ({ key }) => key,
  );
const listed = async () =>
  (
    await db.rows<{ name: string; bucket: number; keys: string[] }>(
      `select c.name, h.bucket, array(select k.key from unnest(h.key_ids) with ordinality u (id, i)
                                        join samovar.cache_key k on k.id = u.id order by u.i) as keys
         from samovar.hottest h join samovar.cache c on c.id = h.cache_id order by 1`,
    )
  ).map(({ name, bucket, keys }) => [name, bucket - monday, keys]);
const hour = (bucket: number, reads: Record<string, number>): Count[] =>
  Object.entries(reads).map(([key, accesses]) => ({ key, bucket, accesses }));

test('a fold lists the hottest keys of each cache that was read, and of no other', async () => {
  await count(hour(monday, { a: 1, b: 9 }));
  await count(hour(monday, { x: 4 }), 'prices');
  await forecasts.fold(closing(monday));
  expect(await listed()).toEqual([
    ['prices', 0, ['x']],
    ['products', 0, ['b', 'a']],
  ]);
  await count(hour(monday + 1, { a: 50, new: 20 }));
  await forecasts.fold(closing(monday + 1));
  expect(await listed()).toEqual([
    ['prices', 0, ['x']],
    ['products', 1, ['a', 'new', 'b']],
  ]);
});

test('counts that come late change the list, though the hour of it stays', async () => {
  await count(hour(monday, { a: 5, b: 9 }));
  await forecasts.fold(closing(monday));
  await countLate(hour(monday, { a: 40, late: 20 }));
  await forecasts.fold(closing(monday));
  expect(await listed()).toEqual([['products', 0, ['a', 'late', 'b']]]);
  expect(await forecastAt(monday)).toEqual(['a', 'late', 'b']);
});

test('a forecast is the same with a list, without one, and with one of another hour', async () => {
  await count([...hour(monday, { a: 5, b: 9 }), ...hour(monday + 1, { c: 7, a: 7 })]);
  await forecasts.fold(closing(monday + 1));
  const before = await forecastAt(monday + 1);
  expect(before).toHaveLength(3);
  await db.rows(`update samovar.hottest set bucket = bucket - 1, key_ids = '{}'`);
  expect(await forecastAt(monday + 1)).toEqual(before);
  await db.rows('delete from samovar.hottest');
  expect(await forecastAt(monday + 1)).toEqual(before);
});

test('the list is what is looked at, as far as it goes', async () => {
  await count(hour(monday, { a: 5, b: 9, c: 2 }));
  await forecasts.fold(closing(monday));
  await db.rows('update samovar.hottest set key_ids = key_ids[1:2]');
  expect(await forecastAt(monday)).toEqual(['b', 'a']);
  // A full one says nothing of the keys after it.
  await db.rows('update samovar.hottest set key_ids = array_fill(key_ids[1], array[$1::int])', [mostListed]);
  expect(await forecastAt(monday, mostListed + 1)).toEqual(['b', 'a', 'c']);
});

test('keys of the list that were forgotten since are no candidates', async () => {
  await count(hour(monday - 60 * 24, { gone: 2, back: 2 }));
  await forecasts.fold(closing(monday - 60 * 24));
  await count(hour(monday, { a: 5 }));
  await forecasts.fold(closing(monday));
  await forecasts.prune(closing(monday));
  expect([...(await states()).keys()]).toEqual(['a']);
  expect(await forecastAt(monday)).toEqual(['a']);
  // An old key without a state, a new one and a known one in one hour.
  await count(hour(monday + 1, { back: 12, a: 3, new: 1 }));
  expect(await forecasts.fold(closing(monday + 1))).toEqual({ buckets: 1, keys: 3 });
  const found = await states();
  expect([...found.keys()]).toEqual(['a', 'back', 'new']);
  expect(found.get('back')).toMatchObject({
    first_bucket: monday + 1,
    last_bucket: monday + 1,
    e1: 12,
    e168: 12,
  });
  expect(found.get('back')!.hours).toEqual(Array.from({ length: 24 }, (_, at) => (at === 1 ? 12 : 0)));
  expect(found.get('new')).toMatchObject({ e1: 1, hours: null });
});

test('a full list is made from the one before it as it would be made from all states', async () => {
  const keys = Array.from({ length: mostListed + 200 }, (_, i) => [`k${i}`, 1 + (i % 97)] as const);
  await count(hour(monday, Object.fromEntries(keys)));
  await forecasts.fold(closing(monday));
  // Some that were on the list, some that were not and get on it, one that is new.
  await count(hour(monday + 5, { k0: 3, k96: 2, k97: 60, k194: 1, new: 200 }));
  await forecasts.fold(closing(monday + 5));
  const heats = async () =>
    (
      await db.rows<{ heat: number }>(
        `select s.e1 + s.e168 as heat from samovar.hottest h cross join unnest(h.key_ids) with ordinality u (id, i)
           join samovar.key_state s on s.key_id = u.id order by u.i`,
      )
    ).map(({ heat }) => heat);
  const before = await heats();
  expect(before).toHaveLength(mostListed);
  expect((await listed())[0]![2]).toContain('k97');
  // Without the list all states are read.
  await db.rows('delete from samovar.hottest');
  await countLate(hour(monday - 900, { k0: 1 }));
  await forecasts.fold(closing(monday + 5));
  const after = await heats();
  expect(after.length).toBe(before.length);
  before.forEach((heat, i) => {
    expect(after[i]).toBeCloseTo(heat, 1);
  });
});
