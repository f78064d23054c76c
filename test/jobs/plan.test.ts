import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { plan as planJob } from '../../jobs/plan.ts';
import { createWishes } from '../../src/compose/wishes.ts';
import { defineCache, type WarmOptions } from '../../src/define.ts';
import { hourMs, minuteMs } from '../../src/duration.ts';
import { createEmitter } from '../../src/events.ts';
import { checkPayload, type JobContext } from '../../src/job.ts';
import { key } from '../../src/key.ts';
import { silentLog } from '../../src/log.ts';
import { createPlans } from '../../src/plan/postgres.ts';
import type { Reads, Writes } from '../../src/rooms.ts';
import { counter, shop } from '../rooms/cache-counter.ts';
import { closing, forecastRoom, monday } from '../rooms/forecast-parts.ts';
import { fakeClock } from '../support/index.ts';

const { db, forecasts, count, empty } = await forecastRoom();
const origin = shop({ budget: { perSecond: 100, concurrency: 1 } });
const base = {
  origin: origin.origin,
  key: key.number,
  ttl: '2h',
  load: (ids: number[]) => origin.load(ids),
} as const;
const app = await counter([defineCache('products', base)]);
const now = closing(monday);
const plans = createPlans(db.pool, {
  clock: fakeClock(now),
  events: createEmitter(),
  retention: { plansMs: 1e9 },
});

const enqueued: { job: string; payload: unknown; once: string | undefined }[] = [];
/** The rooms over a definition of the cache; the queue takes so many jobs before its worker dies. */
function rooms(warm: WarmOptions<number> = {}, { takes = Number.POSITIVE_INFINITY } = {}) {
  const from: Pick<Reads, 'caches' | 'forecasts' | 'plans' | 'store'> = {
    caches: createWishes({ caches: [defineCache('products', { ...base, warm })] }),
    forecasts,
    plans,
    store: { look: app.caches.look, ages: app.caches.ages, memory: () => app.store.memory() },
  };
  const enqueue: Writes['queue']['enqueue'] = async (job, payload, options) => {
    if (enqueued.length >= takes) throw new Error('killed');
    enqueued.push({ job, payload, once: options?.once });
    return `${job}@${enqueued.length}`;
  };
  return [from, { plans, queue: { enqueue } }] as const;
}
const context = (signal = new AbortController().signal): JobContext => ({
  id: '1',
  attempt: 1,
  worker: 'w',
  at: now,
  now: () => now,
  signal,
  log: silentLog,
  progress: async () => {},
});
/** As the worker calls it, the payload as it comes from a queue. */
const run = (payload: object, using = rooms()) =>
  planJob.run(checkPayload(planJob, { cache: 'products', ...payload }), ...using, context());
const rowsOf = (plan: number) =>
  db.rows<{ key: string; source: string; reason: string }>(
    'select key, source, reason from samovar.plan_row where plan_id = $1 order by row',
    [plan],
  );
const lastRun = async () => (await plans.list({ limit: 1 }))[0];

beforeEach(async () => {
  await app.caches.settled();
  await app.cacheRedis.flushdb();
  await empty();
  enqueued.length = 0;
  for (let id = 0; id < 50; id++) origin.rows.set(id, `p${id}`);
  await count(Array.from({ length: 20 }, (_, id) => ({ key: String(id), bucket: monday, accesses: id + 1 })));
  await forecasts.fold(now);
});
afterAll(() => app.caches.settled());

/** Two chunks: work for both lanes. */
const many = { keys: Array.from({ length: 501 }, (_, id) => String(id)) };

test('what is forecast is planned, hottest first, and a lane is enqueued for each chunk', async () => {
  const outcome = await run({ top: 3 });
  const opened = (await lastRun())!;
  expect(outcome).toMatchObject({
    kind: 'done',
    result: { run: opened.id, wished: 6, warm: 3, fresh: 0, skipped: 3, timeMs: 30 },
  });
  expect(opened).toMatchObject({ state: 'queued', trigger: 'event', rows: 3 });
  expect((await rowsOf(opened.id)).map((row) => row.key)).toEqual(['19', '18', '17']);
  expect(enqueued).toEqual(
    [0].map((lane) => ({
      job: 'warm',
      payload: { cache: 'products', plan: opened.id, lane },
      once: `warm|products|${opened.id}|${lane}`,
    })),
  );
});

test('a run is filed under what asked for it', async () => {
  const asked = checkPayload(planJob, { cache: 'products', top: 1 });
  await planJob.run(asked, ...rooms(), { ...context(), schedule: 'nightly' });
  expect(await lastRun()).toMatchObject({ trigger: 'cron' });
});

test('every source is asked, and what was asked for comes before what is forecast', async () => {
  await db.rows(
    `insert into samovar.key_tag select cache_id, 'sale', id from samovar.cache_key where key = '3'`,
  );
  const also: WarmOptions<number>['also'] = [
    { ids: [40, 19] },
    { sql: 'select 41 + $1::int', params: [1] },
    { from: async () => new Set([43]) },
    { tags: ['sale'] },
  ];
  await run({ top: 6 }, rooms({ also }));
  const rows = await rowsOf((await lastRun())!.id);
  expect(rows.map(({ source }) => source).sort()).toEqual([
    'forecast',
    'function',
    'list',
    'list',
    'sql',
    'tag',
  ]);
  expect(rows.map((row) => row.key)).toEqual(['19', '40', '43', '42', '3', '18']);
  expect(rows[0]!.reason).toMatch(/^on the list, expected .*\/h, missing, saves /);
});

test('what is fresh is left alone and makes room for others', async () => {
  await app.caches.open(defineCache('products', base)).getMany([19, 17]);
  expect(await run({ top: 2 })).toMatchObject({ result: { warm: 2, fresh: 2 } });
  expect((await rowsOf((await lastRun())!.id)).map((row) => row.key)).toEqual(['18', '16']);
});

test('before a rise only what rises then is planned, and what is fresh is left alone', async () => {
  const [day, hour] = [24, 8];
  const counts = [...Array(5).keys()].flatMap((back) =>
    [0, 1, 2].flatMap((later) => [
      { key: '1', bucket: monday - day * back - day + hour + later, accesses: 30 },
      { key: '2', bucket: monday - day * back - day + hour + later, accesses: 20 },
      { key: '3', bucket: monday - day * back - day + 20 + later, accesses: 90 },
    ]),
  );
  await empty();
  await count(counts);
  await forecasts.fold(now);
  const rise = (monday + hour) * hourMs;
  await run({ rise, top: 5 });
  const rowsOfFirst = await rowsOf((await lastRun())!.id);
  expect(rowsOfFirst.map(({ key }) => key)).toEqual(['1', '2']);
  expect(await db.rows('select horizon_ms::int as ms from samovar.plan')).toEqual([
    { ms: rise - now + hourMs },
  ]);
  await plans.control((await lastRun())!.id, 'cancel');
  await app.caches.open(defineCache('products', base)).getMany([1]);
  await run({ rise, top: 5 });
  expect((await rowsOf((await lastRun())!.id)).map(({ key }) => key)).toEqual(['2']);
  expect(await run({ rise, top: 5 })).toMatchObject({ kind: 'snooze' });
});

test('where nothing is to be warmed there is no run', async () => {
  await app.caches.open(defineCache('products', base)).getMany(Array.from({ length: 20 }, (_, id) => id));
  expect(await run({})).toMatchObject({ kind: 'done', result: { run: null, warm: 0, fresh: 20 } });
  await empty();
  expect(await run({})).toMatchObject({ kind: 'done', result: { run: null, wished: 0 } });
  expect(await plans.list()).toEqual([]);
  expect(enqueued).toEqual([]);
});

describe('what a payload asks', () => {
  test('overrides the definition of the cache', async () => {
    await run(
      { top: 5, horizon: '30m', maxTime: '90s', maxBytes: 3_000, trigger: 'deploy' },
      rooms({ top: 1 }),
    );
    const opened = (await lastRun())!;
    expect(opened).toMatchObject({ trigger: 'deploy', rows: 2 });
    expect(
      await db.rows(
        `select horizon_ms::int, extract(epoch from deadline_at)::float8 * 1000 as until from samovar.plan`,
      ),
    ).toEqual([{ horizon_ms: 30 * minuteMs, until: now + 90_000 }]);
  });

  test('may be keys instead of sources', async () => {
    await run({ keys: ['5', '44'] }, rooms({ top: 1, also: [{ ids: [7] }] }));
    expect((await rowsOf((await lastRun())!.id)).map((row) => row.key)).toEqual(['5', '44']);
  });

  test.each([
    [{ horizon: '1 hour' }, 'payload.horizon'],
    [{ top: 0 }, 'payload.top'],
    [{ tops: 5 }, 'tops'],
  ])('is refused by name where it is wrong: %j', async (payload, name) => {
    await expect(async () => run(payload)).rejects.toMatchObject({
      code: 'E_PAYLOAD',
      message: expect.stringContaining(name),
    });
  });
});

describe('while a run of the cache is under way', () => {
  test('a second is not made, and says which is in its way', async () => {
    await run({});
    const first = (await lastRun())!.id;
    expect(await run({})).toEqual({ kind: 'cancel', why: `run ${first} of products is under way` });
    expect(await plans.list()).toHaveLength(1);
  });

  test('a second waits where the cache says so', async () => {
    await run({});
    expect(await run({}, rooms({ overlap: 'queue' }))).toMatchObject({ kind: 'snooze', delayMs: 5_000 });
  });

  test('its lanes are named again, for a queue that lost them; one that has them adds none', async () => {
    await run(many);
    await plans.claim((await lastRun())!.id, { worker: 'w', now, leaseMs: hourMs });
    await run({});
    const names = enqueued.map(({ once }) => once);
    expect(names.slice(2)).toEqual(names.slice(0, 2));
  });

  test('a paused one is left alone', async () => {
    await run(many);
    await plans.control((await lastRun())!.id, 'pause');
    await run({});
    expect(enqueued).toHaveLength(2);
  });
});

test.each([0, 1])(
  'a worker that dies after enqueueing %i lanes leaves them to the next try',
  async (takes) => {
    await expect(run(many, rooms({}, { takes }))).rejects.toThrow('killed');
    const { id } = (await lastRun())!;
    expect((await run({})).kind).toBe('cancel');
    expect(new Set(enqueued.map(({ once }) => once))).toEqual(
      new Set([`warm|products|${id}|0`, `warm|products|${id}|1`]),
    );
  },
);

test('a cache that is not known, and a source that fails, are named', async () => {
  await expect(run({ cache: 'product' })).rejects.toMatchObject({ code: 'E_UNKNOWN_CACHE' });
  const broken = rooms({ also: [{ sql: 'select id from no_such_table' }] });
  await expect(run({}, broken)).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringContaining('no_such_table'),
  });
  expect(await plans.list()).toEqual([]);
});
