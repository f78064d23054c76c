import { beforeEach, describe, expect, test } from 'vitest';
import { hourMs } from '../../src/duration.ts';
import { leftOf, weightOf } from '../../src/forecast/fold.ts';
import { mostListed } from '../../src/forecast/postgres-hottest.ts';
import { halfLifeHours } from '../../src/rooms.ts';
import { type Count, closing, forecastRoom, monday, type State } from './forecast-parts.ts';

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
  // One that does not name all says nothing of the keys after it.
  await db.rows('update samovar.hottest set border = 0.01');
  expect(await forecastAt(monday)).toEqual(['b', 'a', 'c']);
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

describe('a full list', () => {
  const size = mostListed + 6_000;
  /** Their heats, hottest first, beside those of the hottest among all states. */
  const heats = async () => {
    const [list] = await db.rows<{ bucket: number; keys: number[]; border: number }>(
      'select bucket, key_ids as keys, border from samovar.hottest',
    );
    const all = await db.rows<State & { key_id: number }>('select * from samovar.key_state');
    const heatOf = (state: State): number =>
      Math.max(
        ...halfLifeHours.map(
          (hours) =>
            (state[`e${hours}`]! * leftOf(list!.bucket - state.last_bucket, hours)) / (weightOf(hours) + 12),
        ),
      );
    const known = new Map(all.map((state) => [state.key_id, heatOf(state)]));
    return {
      border: list!.border,
      listed: list!.keys.map((id) => known.get(id)!),
      all: [...known.values()].sort((a, b) => b - a),
    };
  };
  const expectHottest = async () => {
    const { listed, all, border } = await heats();
    expect(listed.length).toBeGreaterThanOrEqual(15_000);
    listed.forEach((heat, i) => {
      expect(Math.abs(heat / all[i]! - 1)).toBeLessThan(1e-5);
    });
    // Whoever is not listed is no hotter than the border.
    expect(all[listed.length]! / border).toBeLessThan(1 + 1e-5);
    return listed.length;
  };

  test('is kept from hour to hour as it would be made from all states', async () => {
    const some = (of: number, reads: (i: number) => number) =>
      Object.fromEntries(Array.from({ length: of }, (_, i) => [`k${(i * 7_919) % size}`, reads(i)]));
    await count(
      hour(
        monday,
        some(size, (i) => 1 + (i % 97)),
      ),
    );
    await forecasts.fold(closing(monday));
    expect(await expectHottest()).toBe(mostListed);
    // Some that were on the list, more that were not and get on it than there is room for, one that is new.
    await count(hour(monday + 1, { ...some(size - 3_000, (i) => 1 + (i % 90)), new: 200 }));
    await forecasts.fold(closing(monday + 1));
    expect(await expectHottest()).toBe(mostListed);
    // All that there is fades, until too few are as hot as the last was.
    const lengths: number[] = [];
    for (const later of [20, 60, 61, 90, 400]) {
      await count(hour(monday + later, { k5: later, another: 3 }));
      await forecasts.fold(closing(monday + later));
      lengths.push(await expectHottest());
    }
    expect(Math.min(...lengths)).toBeLessThan(mostListed);
    expect(lengths.at(-1)).toBe(mostListed);
  });
});
