import { beforeEach, expect, test } from 'vitest';
import { dayMs, hourMs, minuteMs } from '../../src/duration.ts';
import type { WarmTime } from '../../src/rooms.ts';
import { planRoom } from './plan-parts.ts';

const { db, clock, plans, empty } = await planRoom();
const now = clock.now();
const eight = now + 8 * hourMs;
const nine = now + 9 * hourMs;

beforeEach(async () => {
  await empty();
  await db.rows('truncate samovar.warm_proposal');
  await db.rows(`insert into samovar.cache (name) values ('products'), ('prices')`);
});

const time = (by: number, minutes: readonly number[], keys = 10, cache = 'products'): WarmTime => ({
  cache,
  by,
  readsPerHour: 1,
  keys: keys * minutes.length,
  left: 0,
  slots: minutes.map((before) => ({ at: by - before * minuteMs, keys })),
});
const slots = async (at = now) =>
  (await plans.keptSlots(at)).slots.map(({ cache, by, at, keys, isBegun }) =>
    [cache, (by - now) / hourMs, (by - at) / minuteMs, keys, ...(isBegun ? ['begun'] : [])].join(' '),
  );

test('a proposal is kept until the next one, earliest slot first', async () => {
  expect(await plans.keptSlots(now)).toEqual({ slots: [] });
  expect(
    await plans.keepTimes([time(nine, [10]), time(eight, [10, 5]), time(eight, [5], 3, 'prices')], now),
  ).toBe(4);
  expect(await plans.keptSlots(now)).toMatchObject({ madeAt: now });
  expect(await slots()).toEqual(['products 8 10 10', 'prices 8 5 3', 'products 8 5 10', 'products 9 10 10']);
  await plans.keepTimes([time(nine, [15])], now + 1);
  expect(await plans.keptSlots(now)).toMatchObject({ madeAt: now + 1 });
  expect(await slots()).toEqual(['products 9 15 10']);
});

test('a group of which a slot has begun stays as it is; the others move', async () => {
  await plans.keepTimes([time(eight, [15, 10, 5]), time(nine, [5])], now);
  await plans.begin({ cache: 'products', by: eight, at: eight - 10 * minuteMs }, now);
  expect(await slots()).toEqual([
    'products 8 15 10 begun',
    'products 8 10 10 begun',
    'products 8 5 10',
    'products 9 5 10',
  ]);
  await plans.keepTimes([time(eight, [20], 7), time(nine, [20], 7)], now);
  expect(await slots()).toEqual([
    'products 8 15 10 begun',
    'products 8 10 10 begun',
    'products 8 5 10',
    'products 9 20 7',
  ]);
});

test('what has risen is over, and forgotten after a day', async () => {
  await plans.keepTimes([time(eight, [5])], now);
  await plans.begin({ cache: 'products', by: eight, at: eight }, now);
  expect(await slots(eight)).toEqual([]);
  await plans.keepTimes([], eight + dayMs - 1);
  expect(await db.rows('select 1 from samovar.warm_slot')).toHaveLength(1);
  await plans.keepTimes([], eight + dayMs);
  expect(await db.rows('select 1 from samovar.warm_slot')).toEqual([]);
});

test('proposals that are kept at the same moment leave one of them', async () => {
  const some = Array.from({ length: 8 }, (_, i) => time(eight, [5 + i, 30 + i], i + 1));
  await Promise.all(some.map((each) => plans.keepTimes([each], now)));
  const kept = await slots();
  expect(kept).toHaveLength(2);
  expect(new Set(kept.map((text) => text.split(' ')[3])).size).toBe(1);
});

test('a cache that Postgres does not know has no slot', async () => {
  expect(await plans.keepTimes([time(eight, [5], 1, 'gone')], now)).toBe(0);
});
