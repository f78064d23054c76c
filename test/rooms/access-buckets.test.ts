import { beforeEach, expect, test } from 'vitest';
import { createBuckets } from '../../src/access/postgres.ts';
import { hourMs } from '../../src/duration.ts';
import { createPlans } from '../../src/plan/postgres.ts';
import { database, until } from '../support/index.ts';
import { bucketsOf, count, days, empty, hours, late, startBucket as now, retention } from './access-parts.ts';

const db = await database();
const fresh = await database();
beforeEach(() => empty(db));

test('counts of a key and hour add up over batches', async () => {
  const { buckets, batch } = bucketsOf(db);
  expect(await buckets.add(batch([['a', now, 3, 1]]))).toMatchObject({
    messages: 1,
    accesses: 3,
    admitted: 1,
  });
  expect(
    await buckets.add(
      batch([
        ['a', now, 2, 2],
        ['a', now - 1, 4],
      ]),
    ),
  ).toMatchObject({ admitted: 0 });
  expect(await hours(db)).toEqual({ [`a@${now - 1}`]: '4/0', [`a@${now}`]: '5/3' });
});

test('a batch counts once, however often it is added', async () => {
  const { buckets, batch } = bucketsOf(db);
  const first = batch([['a', now, 3]]);
  const second = batch([['a', now, 2]]);
  expect(await buckets.add(second)).toMatchObject({ messages: 0, accesses: 0 });
  await buckets.add(first);
  expect(await buckets.add(first)).toMatchObject({ messages: 0, accesses: 0 });
  await buckets.add(second);
  expect(await buckets.add(second)).toMatchObject({ messages: 0, accesses: 0 });
  expect(await hours(db)).toEqual({ [`a@${now}`]: '5/0' });
  expect(await buckets.cursors()).toEqual({ 'log-1': second.upto });
});

test('ten collectors with the same batch add it once', async () => {
  const { buckets, batch } = bucketsOf(db);
  const same = batch([
    ['a', now, 3],
    ['b', now, 1],
  ]);
  const results = await Promise.all(Array.from({ length: 10 }, () => buckets.add(same)));
  expect(results.map(({ accesses }) => accesses).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
  expect(await hours(db)).toEqual({ [`a@${now}`]: '3/0' });
  expect(await count(db, 'access_door')).toBe(1);
});

test('a collector that dies inside its transaction leaves nothing behind', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now, 3]]));
  const next = batch([['a', now, 2]]);
  const blocker = await db.pool.connect();
  try {
    await blocker.query('begin');
    await blocker.query('lock table samovar.access_bucket in share mode');
    const dying = buckets.add(next).then(
      () => 'added',
      () => 'died',
    );
    const blocked = await until(async () => {
      const [row] = await db.rows<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return row?.pid;
    }, 'the collector waits for the table');
    await db.rows('select pg_terminate_backend($1)', [blocked]);
    expect(await dying).toBe('died');
  } finally {
    await blocker.query('rollback');
    blocker.release();
  }
  expect(await hours(db)).toEqual({ [`a@${now}`]: '3/0' });
  expect(await buckets.add(next)).toMatchObject({ accesses: 2 });
  expect(await hours(db)).toEqual({ [`a@${now}`]: '5/0' });
});

test('a new log begins at its beginning, and the old one is remembered', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now, 3]]));
  const other = { log: 'log-2', after: '0-0', upto: '1-0' };
  await buckets.add(batch([['a', now, 2]], other));
  expect(await buckets.cursors()).toEqual({ 'log-1': '1-0', 'log-2': '1-0' });
  expect(await hours(db)).toEqual({ [`a@${now}`]: '5/0' });
});

test('a key seen once leaves a hash; the second sighting lets it in and brings the first count', async () => {
  const { buckets, batch } = bucketsOf(db);
  expect(
    await buckets.add(
      batch([
        ['a', now - 2, 1, 1],
        ['b', now, 2],
      ]),
    ),
  ).toMatchObject({ admitted: 1, waiting: 1 });
  expect((await db.rows('select key from samovar.cache_key')).map((row) => row['key'])).toEqual(['b']);
  expect(await buckets.add(batch([['a', now, 1]]))).toMatchObject({ admitted: 1, waiting: 0 });
  expect(await hours(db)).toEqual({ [`a@${now - 2}`]: '1/1', [`a@${now}`]: '1/0', [`b@${now}`]: '2/0' });
  expect(await count(db, 'access_door')).toBe(0);
});

test('a key that waits at the door and comes back twice brings all three', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now, 1]]));
  await buckets.add(batch([['a', now, 2]]));
  expect(await hours(db)).toEqual({ [`a@${now}`]: '3/0' });
});

test('the same text in two caches is two keys', async () => {
  const { buckets, batch } = bucketsOf(db);
  const one = (cache: string) => ({ cache, key: 'a', bucket: now, accesses: 1, misses: 0 });
  expect(await buckets.add(batch([], { counts: [one('x'), one('y')] }))).toMatchObject({ waiting: 2 });
});

test('the door is open until the end of the next day', async () => {
  const { buckets, batch, clock } = bucketsOf(db);
  await buckets.add(
    batch([
      ['a', now, 1],
      ['b', now, 1],
    ]),
  );
  clock.stepWall(24 * hourMs);
  expect(await buckets.add(batch([['a', now + 24, 1]]))).toMatchObject({ admitted: 1 });
  clock.stepWall(24 * hourMs);
  expect(await buckets.add(batch([['b', now + 48, 1]]))).toMatchObject({ admitted: 0, waiting: 1 });
});

test('a crawler of one-hit keys does not fill the dictionary', async () => {
  const { buckets, batch } = bucketsOf(db);
  const crawl = Array.from({ length: 5_000 }, (_, i) => [`page ${i}`, now, 1] as const);
  expect(await buckets.add(batch([...crawl, ['a', now, 2]]))).toMatchObject({ admitted: 1, waiting: 5_000 });
  expect(await count(db, 'cache_key')).toBe(1);
});

test('a count for an hour that was folded is told as late too, one for an open hour is not', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now - 1, 2]]));
  await db.rows('update samovar.fold set upto = $1', [now - 1]);
  await buckets.add(
    batch([
      ['a', now - 1, 3],
      ['a', now, 4],
      ['a', now - 2, 5],
    ]),
  );
  expect(await late(db)).toEqual({ [`a@${now - 1}`]: 3, [`a@${now - 2}`]: 5 });
  expect(await hours(db)).toEqual({ [`a@${now - 2}`]: '5/0', [`a@${now - 1}`]: '5/0', [`a@${now}`]: '4/0' });
});

test('the first count of a key that waited at the door is late when its hour was folded meanwhile', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now - 1, 1]]));
  await db.rows('update samovar.fold set upto = $1', [now - 1]);
  await buckets.add(batch([['a', now, 1]]));
  expect(await late(db)).toEqual({ [`a@${now - 1}`]: 1 });
});

test('an add waits for a fold under way and sees how far it came', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now - 1, 2]]));
  const fold = await db.pool.connect();
  let adding: Promise<unknown>;
  try {
    await fold.query('begin');
    await fold.query('select upto from samovar.fold for update');
    adding = buckets.add(batch([['a', now - 1, 3]]));
    await until(
      async () =>
        (
          await db.rows(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          )
        ).length > 0,
      'the add waits for the fold',
    );
    await fold.query('update samovar.fold set upto = $1', [now - 1]);
    await fold.query('commit');
  } finally {
    fold.release();
  }
  await adding;
  expect(await late(db)).toEqual({ [`a@${now - 1}`]: 3 });
});

test('hours older than are kept go to the day and to the fold, not to the hours', async () => {
  const { buckets, batch } = bucketsOf(db);
  const old = now - 10 * 24;
  const ancient = now - 400 * 24;
  await buckets.add(
    batch([
      ['a', old, 2],
      ['a', old - 1, 3],
      ['a', ancient, 4],
    ]),
  );
  await buckets.add(batch([['a', old, 5]]));
  expect(await hours(db)).toEqual({});
  expect(await late(db)).toEqual({ [`a@${ancient}`]: 4, [`a@${old - 1}`]: 3, [`a@${old}`]: 7 });
  expect(await days(db)).toEqual({ [`a@${old - 1}`]: 3, [`a@${old}`]: 7 });
});

test('a count from a clock that is ahead belongs to the present hour', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(
    batch([
      ['a', now + 100_000, 2],
      ['a', now, 1],
    ]),
  );
  expect(await hours(db)).toEqual({ [`a@${now}`]: '3/0' });
});

test('strange keys are kept as they are', async () => {
  const { buckets, batch } = bucketsOf(db);
  const keys = [
    '{a}',
    ' ',
    'a b\nc\td\\',
    'ключ 🔑',
    'x'.repeat(8_192),
    "'; drop table samovar.cache; --",
    '%_$1',
  ];
  await buckets.add(batch(keys.map((key) => [key, now, 2] as const)));
  await buckets.add(batch(keys.map((key) => [key, now, 1] as const)));
  expect(await hours(db)).toEqual(Object.fromEntries(keys.map((key) => [`${key}@${now}`, '3/0'])));
});

test('callers are counted per cache and hour', async () => {
  const { buckets, batch } = bucketsOf(db);
  const bots = { cache: 'products', bucket: now, caller: 'bot', accesses: 5, misses: 1 };
  await buckets.add(batch([], { callers: [bots, { ...bots, caller: 'user' }] }));
  await buckets.add(batch([], { callers: [bots] }));
  expect(
    await db.rows(
      'select bucket, caller, accesses::int, misses::int from samovar.access_caller order by caller',
    ),
  ).toEqual([
    { bucket: now, caller: 'bot', accesses: 10, misses: 2 },
    { bucket: now, caller: 'user', accesses: 5, misses: 1 },
  ]);
  expect(await count(db, 'cache_key')).toBe(0);
});

test('fills of known keys smooth the cost, note the size and replace the tags; unknown keys stay unknown', async () => {
  const { buckets, batch } = bucketsOf(db);
  const fill = { cache: 'products', key: 'a', loadMs: 10, bytes: 100, tags: ['x', 'y'] };
  await buckets.add(batch([['a', now, 2]], { fills: [fill, { ...fill, key: 'unknown' }] }));
  await buckets.add(batch([], { fills: [{ ...fill, loadMs: 20, bytes: 90, tags: ['y', 'z'] }] }));
  expect(await db.rows('select key, cost_ms, size_bytes from samovar.cache_key')).toEqual([
    { key: 'a', cost_ms: 12, size_bytes: 90 },
  ]);
  expect((await db.rows('select tag from samovar.key_tag order by 1')).map((row) => row['tag'])).toEqual([
    'y',
    'z',
  ]);
});

test('a read of a warmed entry marks its row once', async () => {
  const { buckets, batch, events, clock } = bucketsOf(db);
  const told: unknown[] = [];
  events.on('warm:used', (event) => told.push(event));
  const plans = createPlans(db.pool, { clock, events, retention: { plansMs: hourMs } });
  const row = {
    source: 'list',
    decision: 'warm',
    reason: '',
    heat: 1,
    costMs: 1,
    bytes: 1,
    savingMs: 1,
  } as const;
  const rows = Array.from({ length: 503 }, (_, i) => ({ ...row, key: `k${i}` }));
  const totals = {
    wished: 503,
    warm: 503,
    fresh: 0,
    skipped: 0,
    bytes: 0,
    timeMs: 0,
    savingMs: 0,
    isCautious: false,
  };
  const opened = await plans.open({
    plan: { cache: 'products', at: clock.now(), horizonMs: hourMs, rows, left: [], totals },
    trigger: 'manual',
    maxTimeMs: hourMs,
    ttlMs: hourMs,
  });
  const plan = 'plan' in opened ? opened.plan : Number.NaN;
  const use = (number: number) => ({ cache: 'products', plan, row: number });
  expect(await buckets.add(batch([], { used: [use(0), use(499), use(500), use(502)] }))).toMatchObject({
    used: 4,
  });
  // Known already, past the end of the chunk, of a plan that is gone.
  const rest = [use(0), use(501), use(503), use(99_999), { ...use(1), plan: 999_999 }];
  expect(await buckets.add(batch([], { used: rest }))).toMatchObject({ used: 1 });
  expect(await buckets.add(batch([], { used: rest }))).toMatchObject({ used: 0 });
  expect(
    await db.rows('select chunk, bit_count(used)::int as used from samovar.plan_chunk order by chunk'),
  ).toEqual([
    { chunk: 0, used: 2 },
    { chunk: 1, used: 3 },
  ]);
  expect(told).toEqual([
    { cache: 'products', entries: 4 },
    { cache: 'products', entries: 1 },
  ]);
});

test('collectors of several processes start together on an empty database', async () => {
  const { batch, clock } = bucketsOf(fresh);
  const results = await Promise.all(
    Array.from({ length: 6 }, (_, i) =>
      createBuckets(fresh.pool, { clock, retention }).add({
        ...batch([
          ['a', now, 2],
          [`b${i}`, now, 1],
        ]),
        log: `log-${i}`,
        after: '0-0',
      }),
    ),
  );
  expect(results.reduce((sum, { accesses }) => sum + accesses, 0)).toBe(18);
  expect(await hours(fresh)).toEqual({ [`a@${now}`]: '12/0' });
  expect(await count(fresh, 'cache')).toBe(1);
});

test('numbers of caches and keys are not spent by counting', async () => {
  const { buckets, batch } = bucketsOf(db);
  const read = (cache: string, key: string) =>
    batch([], { counts: [{ cache, key, bucket: now, accesses: 2, misses: 0 }] });
  await buckets.add(read('first', 'a'));
  for (let i = 0; i < 20; i++) await buckets.add(read('first', 'a'));
  await buckets.add(read('second', 'b'));
  const numbers = async (table: string) =>
    (await db.rows<{ id: number }>(`select id from samovar.${table} order by id desc limit 2`)).map(
      ({ id }) => id,
    );
  for (const table of ['cache', 'cache_key']) {
    const [last, before] = await numbers(table);
    expect(last! - before!).toBe(1);
  }
});

test('a partition that another process dropped is made again at the next try', async () => {
  const { buckets, batch } = bucketsOf(db);
  await buckets.add(batch([['a', now, 2]]));
  await db.rows(`drop table samovar.access_bucket_d${Math.floor(now / 24)}`);
  const next = batch([['a', now, 3]]);
  await expect(buckets.add(next)).rejects.toThrow(/no partition/);
  expect(await buckets.add(next)).toMatchObject({ accesses: 3 });
  expect(await hours(db)).toEqual({ [`a@${now}`]: '3/0' });
});
