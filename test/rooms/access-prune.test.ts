import { beforeEach, expect, test } from 'vitest';
import { dayMs, hourMs } from '../../src/duration.ts';
import { database, until } from '../support/index.ts';
import {
  bucketsOf,
  count,
  days,
  empty,
  hours,
  late,
  startBucket as now,
  partitions,
  startAt,
} from './access-parts.ts';

const db = await database();
beforeEach(() => empty(db));
const today = Math.floor(now / 24);
const fold = (upto: number) => db.rows('update samovar.fold set upto = $1', [upto]);
const sum = (counts: Record<string, string | number>) =>
  Object.values(counts).reduce((total: number, each) => total + Number.parseInt(String(each), 10), 0);
const named = (names: readonly string[], table: string) =>
  names.filter((name) => name.startsWith(table)).map((name) => Number(name.replace(/.*_[dw]/, '')));

test('a day that is folded and old is rolled up: not an access is lost, and the partition is gone', async () => {
  const { buckets, batch, clock } = bucketsOf(db);
  const keys = ['a', 'b', 'c'];
  for (let age = 0; age < 72; age += 5)
    await buckets.add(batch(keys.map((key, i) => [key, now - age, age + i + 2] as const)));
  const before = await hours(db);
  await fold(now);
  const at = startAt + 2 * dayMs;
  clock.stepWall(2 * dayMs);
  const pruned = await buckets.prune(at);
  const [kept, rolled] = [await hours(db), await days(db)];
  expect(pruned['daysRolled']).toBeGreaterThan(0);
  expect(sum(kept) + sum(rolled)).toBe(sum(before));
  for (const [name, counts] of Object.entries(before)) {
    const isOld = Math.floor(Number(name.split('@')[1]) / 24) < today - 1;
    expect(isOld ? rolled[name] : kept[name]).toEqual(isOld ? Number.parseInt(counts, 10) : counts);
  }
  expect(Math.min(...named(await partitions(db), 'access_bucket'))).toBe(today - 1);
  expect(await buckets.prune(at)).toMatchObject({ daysRolled: 0, keyDays: 0 });
});

test('a day that the fold has not seen to its end stays', async () => {
  const { buckets, batch } = bucketsOf(db);
  const end = (today + 1) * 24 - 1;
  await buckets.add(batch([['a', now, 2]]));
  const at = startAt + 10 * dayMs;
  expect(await buckets.prune(at)).toMatchObject({ daysRolled: 0 });
  await fold(end - 1);
  expect(await buckets.prune(at)).not.toMatchObject({ keyDays: 1 });
  expect(sum(await hours(db))).toBe(2);
  await fold(end);
  expect(await buckets.prune(at)).toMatchObject({ keyDays: 1 });
  expect(await days(db)).toEqual({ [`a@${now}`]: 2 });
});

test('counts that come for a day that was rolled up are added to it', async () => {
  const { buckets, batch, clock } = bucketsOf(db);
  await buckets.add(batch([['a', now, 2]]));
  await fold(now + 9 * 24);
  clock.stepWall(10 * dayMs);
  await buckets.prune(clock.now());
  await buckets.add(
    batch([
      ['a', now, 3],
      ['a', now - 1, 1],
      ['b', now, 2],
    ]),
  );
  expect(await days(db)).toEqual({ [`a@${now - 1}`]: 1, [`a@${now}`]: 5, [`b@${now}`]: 2 });
  expect(await late(db)).toEqual({ [`a@${now - 1}`]: 1, [`a@${now}`]: 3, [`b@${now}`]: 2 });
  expect(await hours(db)).toEqual({});
});

test('over months of reads nothing grows without bound', async () => {
  const { buckets, batch, clock } = bucketsOf(db);
  let most = { bucket: 0, door: 0, day: 0, callers: 0 };
  for (let day = 0; day < 100; day += 1) {
    const bucket = now + day * 24;
    await buckets.add(
      batch(
        [
          [`seen ${day}`, bucket, 2],
          ['always', bucket, 1],
          [`once ${day}`, bucket, 1],
        ],
        {
          callers: [{ cache: 'products', bucket, caller: 'user', accesses: 4, misses: 0 }],
        },
      ),
    );
    await fold(bucket);
    await buckets.prune(clock.now());
    clock.stepWall(dayMs);
    if (day < 80) continue;
    const names = await partitions(db);
    most = {
      bucket: Math.max(most.bucket, named(names, 'access_bucket').length),
      door: Math.max(most.door, named(names, 'access_door').length),
      day: Math.max(most.day, named(names, 'access_day').length),
      callers: Math.max(most.callers, await count(db, 'access_caller')),
    };
  }
  expect(most.bucket).toBeLessThanOrEqual(5);
  expect(most.door).toBeLessThanOrEqual(2);
  expect(most.day).toBeLessThanOrEqual(10);
  expect(most.callers).toBeLessThanOrEqual(58);
  expect(await count(db, 'access_door')).toBeLessThanOrEqual(2);
  // One key a day, of 56 days and a little, and the one that is read always.
  expect(await count(db, 'cache_key')).toBeLessThanOrEqual(62);
  expect(await count(db, 'cache_key')).toBeGreaterThanOrEqual(57);
});

test('keys that have a state, late counts or a recent read are kept, the others go with their tags', async () => {
  const { buckets, batch, clock } = bucketsOf(db);
  const fill = (key: string) => ({ cache: 'products', key, loadMs: 1, bytes: 1, tags: ['t'] });
  const names = ['old', 'state', 'late', 'recent'];
  await buckets.add(
    batch(
      names.map((key) => [key, now, 2] as const),
      { fills: names.map(fill) },
    ),
  );
  await db.rows(
    `insert into samovar.key_state (key_id, cache_id, first_bucket, last_bucket, e1, e3, e6, e24, e72, e168, accesses)
     select id, cache_id, $1, $1, 0, 0, 0, 0, 0, 0, 2 from samovar.cache_key where key = 'state'`,
    [now],
  );
  await db.rows(
    `insert into samovar.access_late select $1, id, 1 from samovar.cache_key where key = 'late'`,
    [now],
  );
  await fold(now);
  clock.stepWall(40 * dayMs);
  await buckets.add(batch([['recent', now + 40 * 24, 1]]));
  clock.stepWall(30 * dayMs);
  expect(await buckets.prune(clock.now())).toMatchObject({ keys: 1 });
  expect(await db.rows('select key from samovar.cache_key order by key')).toEqual([
    { key: 'late' },
    { key: 'recent' },
    { key: 'state' },
  ]);
  expect(await count(db, 'key_tag')).toBe(3);
});

test('a reader of the table is waited for, but not for long: the day goes the next time', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now, 2]]));
  await fold(now + 24);
  const reader = await db.pool.connect();
  try {
    await reader.query('begin');
    await reader.query('select count(*) from samovar.access_bucket');
    const pruned = await buckets.prune(startAt + 10 * dayMs);
    expect(pruned).toMatchObject({ tablesBusy: 1, keyDays: 0 });
    expect(sum(await hours(db))).toBe(2);
    expect(await days(db)).toEqual({});
  } finally {
    await reader.query('rollback');
    reader.release();
  }
  expect(await buckets.prune(startAt + 10 * dayMs)).toMatchObject({ keyDays: 1, tablesBusy: 0 });
});

test('pruning and collecting at the same time keep every access', async () => {
  const { buckets, batch, clock } = bucketsOf(db);
  await fold(now + 1_000);
  let added = 0;
  for (let round = 0; round < 15; round++) {
    const batches = [0, 1, 2].map((i) => batch([['a', Math.floor(clock.now() / hourMs) - i * 30, 2]]));
    added += 6;
    const pruning = buckets.prune(clock.now());
    for (const each of batches) await buckets.add(each);
    await pruning;
    clock.stepWall(8 * hourMs);
  }
  await until(async () => sum(await hours(db)) + sum(await days(db)) === added, 'every access is there');
});

test('a day that another worker, whose clock is behind, still adds to is rolled up with what it adds', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now, 2]]));
  await fold(now + 24);
  const blocker = await db.pool.connect();
  const next = batch([['a', now, 3]]);
  let isAdded = false;
  let pruning: Promise<unknown>;
  let adding: Promise<unknown>;
  try {
    await blocker.query('begin');
    await blocker.query(`insert into samovar.access_day select $1, id, '{}' from samovar.cache_key`, [today]);
    const waiting = async () =>
      (
        await db.rows(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
      ).length;
    pruning = buckets.prune(startAt + 10 * dayMs);
    await until(async () => (await waiting()) === 1, 'the roll-up waits in its middle');
    adding = buckets
      .add(next)
      // The partition is gone: a collector tries again.
      .catch(() => buckets.add(next))
      .finally(() => {
        isAdded = true;
      });
    await until(async () => isAdded || (await waiting()) === 2, 'the add waits, or is done');
  } finally {
    await blocker.query('rollback');
    blocker.release();
  }
  await pruning;
  await adding;
  expect(sum(await hours(db)) + sum(await days(db))).toBe(5);
});

test('cursors of logs that are long gone are forgotten, that of the present log never is', async () => {
  const { buckets, batch, clock } = bucketsOf(db);
  await buckets.add(batch([], { log: 'old', after: '0-0' }));
  clock.stepWall(dayMs);
  await buckets.add(batch([], { log: 'present', after: '0-0' }));
  clock.stepWall(100 * dayMs);
  await buckets.prune(clock.now());
  expect(Object.keys(await buckets.cursors())).toEqual(['present']);
});
