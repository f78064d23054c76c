import { beforeEach, expect, test } from 'vitest';
import { hourMs } from '../../src/duration.ts';
import { closing, forecastRoom, monday } from './forecast-parts.ts';

const room = await forecastRoom();
const { forecasts } = room;
const chances = (keys: readonly string[], now: number, withinMs: number = hourMs) =>
  forecasts.chances(
    'products',
    keys.map((key) => ({ key, withinMs })),
    now,
  );
beforeEach(room.empty);

test('keys are told apart by what their readers did, in the order they are asked for', async () => {
  const hours = Array.from({ length: 48 }, (_, i) => monday + i);
  await room.count([
    ...hours.map((bucket) => ({ key: 'hot', bucket, accesses: 20 })),
    ...hours.filter((_, i) => i % 12 === 0).map((bucket) => ({ key: 'rare', bucket, accesses: 1 })),
  ]);
  const now = closing(monday + 47);
  await forecasts.fold(now);
  const [nobody, rare, hot, again] = await chances(['nobody', 'rare', 'hot', 'rare'], now);
  expect(nobody).toBe(0);
  expect(rare).toBeGreaterThan(0);
  expect(rare).toBeLessThan(0.3);
  expect(hot).toBeGreaterThan(0.99);
  expect(again).toBe(rare);
  const [daily] = await chances(['rare'], now, 24 * hourMs);
  expect(daily).toBeGreaterThan(2 * rare!);
});

test('the present hour counts before it is folded', async () => {
  await room.count([{ key: 'new', bucket: monday, accesses: 5 }]);
  const now = monday * hourMs + hourMs / 2;
  const [before] = await chances(['new'], now);
  expect(before).toBeGreaterThan(0.2);
  await forecasts.fold(closing(monday));
  const [after] = await chances(['new'], closing(monday));
  expect(after).toBeGreaterThan(0.2);
  // Nobody read it since.
  expect((await chances(['new'], closing(monday + 30)))[0]).toBeLessThan(after! / 2);
});

test('a cache that nobody has read has no chances', async () => {
  expect(await forecasts.chances('unknown', [{ key: 'a', withinMs: hourMs }], closing(monday))).toEqual([0]);
});

test('the time of day is told by what the cache was read in the last days', async () => {
  const hours = Array.from({ length: 72 }, (_, i) => monday + i);
  await room.count(hours.map((bucket) => ({ key: 'a', bucket, accesses: 1 })));
  await forecasts.fold(closing(monday + 71));
  const [flat] = await chances(['a'], closing(monday + 71));
  await room.db.rows(
    `insert into samovar.access_caller (bucket, cache_id, caller, accesses, misses)
     select b, c.id, 'user', case when b % 24 in (0, 1) then 1000 else 10 end, 0
       from samovar.cache c, unnest($1::int[]) b where c.name = 'products'`,
    [hours],
  );
  const [atNight] = await chances(['a'], closing(monday + 71));
  expect(atNight).toBeGreaterThan(flat!);
});
