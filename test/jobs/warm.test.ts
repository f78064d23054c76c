import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { warm } from '../../jobs/warm.ts';
import { systemClock } from '../../src/clock.ts';
import { createWishes } from '../../src/compose/wishes.ts';
import { defineCache } from '../../src/define.ts';
import { createEmitter } from '../../src/events.ts';
import { createForecasts } from '../../src/forecast/postgres.ts';
import type { JobContext } from '../../src/job.ts';
import { key } from '../../src/key.ts';
import { silentLog } from '../../src/log.ts';
import { buildPlan } from '../../src/plan/build.ts';
import { createPlans } from '../../src/plan/postgres.ts';
import type { ClaimedChunk, FillReport, Memory, Reads, Writes } from '../../src/rooms.ts';
import { counter, shop } from '../rooms/cache-counter.ts';
import { database, until } from '../support/index.ts';

const db = await database();
const origin = shop();
const products = defineCache('products', {
  origin: origin.origin,
  key: key.number,
  ttl: '10m',
  load: (ids) => origin.load(ids),
});
const app = await counter([products]);
const plans = createPlans(db.pool, {
  clock: systemClock,
  events: createEmitter(),
  retention: { plansMs: 1e9 },
});

let memory: Memory;
const enqueued: { job: string; payload: unknown }[] = [];
const moves: string[] = [];
/** The rooms, with what passes through them written down; `change` stands in for some of their answers. */
function rooms(change: { plans?: Partial<Writes['plans']>; fill?: Writes['cache']['fill'] } = {}) {
  const from: Pick<Reads, 'caches' | 'forecasts' | 'plans' | 'store'> = {
    caches: createWishes({ caches: [products] }),
    forecasts: createForecasts(db.pool, { retention: { plansMs: 1e9 } }),
    plans,
    store: { look: app.caches.look, ages: app.caches.ages, memory: async () => memory },
  };
  const noted = <T extends object>(room: string, methods: T): T =>
    new Proxy(methods, {
      get: (target, name: string) => {
        const method = target[name as keyof T];
        if (typeof method !== 'function') return method;
        return (...args: unknown[]) => {
          moves.push(`${room}.${name}`);
          return method.apply(target, args);
        };
      },
    });
  const settle = change.plans?.settle;
  /** Lets a test do something between the two. */
  const inTwoSteps: Writes['plans']['next'] = async (chunk, report, wanted) => {
    await settle!(chunk, report, wanted.now);
    return plans.claim(chunk.plan, wanted);
  };
  const to = {
    cache: noted('cache', { fill: change.fill ?? app.caches.fill, invalidate: app.caches.invalidate }),
    plans: noted('plans', { ...plans, ...(settle ? { next: inTwoSteps } : {}), ...change.plans }),
    queue: noted('queue', {
      enqueue: async (job: string, payload: unknown) => {
        enqueued.push({ job, payload });
        return `${job}@1`;
      },
    }),
  } as Pick<Writes, 'cache' | 'plans' | 'queue'>;
  return { from, to };
}

let told: Record<string, unknown>[] = [];
const context = (signal = new AbortController().signal): JobContext => ({
  id: '1',
  attempt: 1,
  worker: 'w1',
  at: Date.now(),
  now: Date.now,
  signal,
  log: silentLog,
  progress: async (state) => void told.push(state),
});
const lane = (plan: number, using = rooms(), signal?: AbortSignal) =>
  warm.run({ cache: 'products', plan, lane: 0 }, using.from, using.to, context(signal));

const wished = Array.from({ length: 1_200 }, (_, id) => String(id));
async function openRun(keys: readonly string[] = wished, maxTimeMs = 600_000): Promise<number> {
  const plan = buildPlan({
    cache: 'products',
    at: Date.now(),
    horizonMs: 3_600_000,
    ttlMs: 600_000,
    wishes: keys.map((name) => ({ key: name, source: 'list', heat: 1, costMs: 5, bytes: 10 })),
    looks: keys.map(() => ({ state: 'missing', freshUntil: 0 })),
    budget: { keys: 10_000 },
    isTight: false,
  });
  const opened = await plans.open({ plan, trigger: 'manual', maxTimeMs, ttlMs: 600_000 });
  if ('running' in opened) throw new Error('a run is under way');
  return opened.plan;
}

beforeEach(async () => {
  origin.release();
  await app.caches.settled();
  await app.cacheRedis.flushdb();
  await app.queueRedis.flushdb();
  await db.pool.query(`update samovar.plan set state = 'cancelled' where ended_at is null`);
  for (const id of wished) origin.rows.set(Number(id), `p${id}`);
  origin.loads.length = 0;
  enqueued.length = 0;
  moves.length = 0;
  told = [];
  memory = { usedBytes: 1e6, maxBytes: 1e8, evicted: 5, policy: 'volatile-lfu' };
});
afterAll(() => app.caches.settled());

test('a lane of a cache that this configuration does not have ends in peace', async () => {
  const { from, to } = rooms();
  const lane = { cache: 'gone', plan: 1, lane: 0 };
  expect(await warm.run(lane, from, to, context())).toMatchObject({ kind: 'cancel' });
});

test('without a plan it draws one, opens its run and carries it out itself', async () => {
  const { from, to } = rooms();
  const wanted = { cache: 'products', keys: wished.slice(0, 5) };
  const outcome = await warm.run(wanted, from, to, context());
  expect(outcome).toMatchObject({ kind: 'done', result: { state: 'done', results: { written: 5 } } });
  const { run } = (outcome as { result: { run: number } }).result;
  // For the other workers of the fleet.
  expect(enqueued).toContainEqual({ job: 'warm', payload: { cache: 'products', plan: run, lane: 0 } });

  // One chunk, one lane: others would only wait for it.
  expect(enqueued).toHaveLength(1);

  await openRun();
  const others = { cache: 'products', keys: wished.slice(5, 9) };
  expect(await warm.run(others, from, to, context())).toMatchObject({ kind: 'cancel' });
});

test('who planned does not come back, or it would plan anew: the lanes of its run do', async () => {
  const { from, to } = rooms();
  await app.budget.set('shop', { perSecond: 0 });
  const outcome = await warm.run({ cache: 'products', keys: ['1'] }, from, to, context());
  const { run } = (outcome as { result: { run: number } }).result;
  expect(outcome).toEqual({ kind: 'done', result: { run } });
  expect(await plans.run(run)).toMatchObject({ state: 'running', rows: 1 });
  await app.budget.set('shop', { perSecond: Number.POSITIVE_INFINITY });
  expect(await lane(run)).toMatchObject({ kind: 'done', result: { state: 'done' } });
});

test('a fill is given no more time than its run has left', async () => {
  const given: (number | undefined)[] = [];
  const fill: Writes['cache']['fill'] = (cache, request) => {
    given.push(request.withinMs);
    return app.caches.fill(cache, request);
  };
  await lane(await openRun(wished.slice(0, 3), 5_000), rooms({ fill }));
  await lane(await openRun(wished.slice(3, 6)), rooms({ fill }));
  expect(given[0]).toBeLessThanOrEqual(5_000);
  expect(given[1]).toBe(15_000);
});

test('carries a plan out chunk by chunk, and every entry knows its row', async () => {
  const plan = await openRun();
  expect(await lane(plan)).toEqual({
    kind: 'done',
    result: { run: plan, state: 'done', results: { written: 1_200 } },
  });
  expect(moves).toEqual([
    'plans.claim',
    ...Array.from({ length: 3 }, () => ['cache.fill', 'plans.next']).flat(),
    'plans.finish',
  ]);
  expect(told.map((state) => state['keys'])).toEqual([500, 1_000, 1_200]);
  await app.caches.open(products).getMany([0, 700, 1_199]);
  const chunks = await db.rows<{ keys: string[] }>(
    'select keys from samovar.plan_chunk where plan_id = $1 order by chunk',
    [plan],
  );
  const order = chunks.flatMap(({ keys }) => keys);
  expect(app.hits.slice(-3).map((hit) => [hit.plan, hit.row])).toEqual(
    ['0', '700', '1199'].map((name) => [plan, order.indexOf(name)]),
  );
  expect(await plans.run(plan)).toMatchObject({
    state: 'done',
    results: { written: 1_200 },
    bytes: expect.any(Number),
  });
});

test('several lanes share a run and load nothing twice', async () => {
  const plan = await openRun();
  const outcomes = await Promise.all([lane(plan), lane(plan), lane(plan)]);
  for (const outcome of outcomes) expect(outcome.kind).toMatch(/done|snooze/);
  await until(
    async () => (await plans.run(plan))!.state === 'done' || (await lane(plan)).kind === 'done',
    'it ends',
  );
  expect(await plans.run(plan)).toMatchObject({ state: 'done', results: { written: 1_200 } });
  expect(origin.loads.flat().toSorted((a, b) => a - b)).toEqual(wished.map(Number));
});

describe('a run can be', () => {
  test('paused, in effect at the next chunk, and resumed where it was', async () => {
    const plan = await openRun();
    const settle: Writes['plans']['settle'] = async (...args) => {
      await plans.settle(...args);
      if (origin.loads.length === 1) await plans.control(plan, 'pause');
    };
    expect(await lane(plan, rooms({ plans: { settle } }))).toMatchObject({ kind: 'snooze', delayMs: 1_000 });
    expect(await lane(plan)).toMatchObject({ kind: 'snooze' });
    expect(origin.loads).toHaveLength(1);
    await plans.control(plan, 'resume');
    expect(await lane(plan)).toMatchObject({
      kind: 'done',
      result: { state: 'done', results: { written: 1_200 } },
    });
    expect(origin.loads).toHaveLength(3);
  });

  test('cancelled, in effect at the next chunk', async () => {
    const plan = await openRun();
    const settle: Writes['plans']['settle'] = async (...args) => {
      await plans.settle(...args);
      await plans.control(plan, 'cancel');
    };
    expect(await lane(plan, rooms({ plans: { settle } }))).toMatchObject({
      kind: 'done',
      result: { state: 'cancelled', results: { written: 500 } },
    });
    expect(origin.loads).toHaveLength(1);
  });

  test("handed back by a worker that stops: what was done is settled, the rest is another lane's", async () => {
    const plan = await openRun();
    const stop = new AbortController();
    const settle: Writes['plans']['settle'] = async (...args) => {
      await plans.settle(...args);
      if (origin.loads.length === 1) origin.hold();
    };
    const running = lane(plan, rooms({ plans: { settle } }), stop.signal);
    await until(() => origin.loads.length === 2, 'the second chunk is being loaded');
    stop.abort(new Error('shutdown'));
    await expect(running).rejects.toThrow('shutdown');
    origin.release();
    expect(await plans.run(plan)).toMatchObject({ results: { written: 500, planned: 700 } });
    expect(await app.cacheRedis.keys('*:l')).toEqual([]);
    expect(await lane(plan)).toMatchObject({ kind: 'done', result: { results: { written: 1_200 } } });
  });
});

describe('a worker that dies', () => {
  const killed = (): never => {
    throw new Error('killed');
  };
  test.each<[string, Parameters<typeof rooms>[0]]>([
    ['after its claim', { fill: killed }],
    ['before it settles', { plans: { settle: killed } }],
  ])('%s loses nothing: another takes the chunk over when the claim ends', async (_, change) => {
    const plan = await openRun(wished.slice(0, 10));
    await expect(async () => lane(plan, rooms(change))).rejects.toThrow('killed');
    expect(await lane(plan)).toMatchObject({ kind: 'snooze', why: 'other workers hold what is left' });
    await db.pool.query(
      `update samovar.plan_chunk set claimed_until = now() - interval '1s' where plan_id = $1`,
      [plan],
    );
    const outcome = await lane(plan);
    expect(outcome).toMatchObject({ kind: 'done', result: { state: 'done' } });
    expect(origin.loads).toHaveLength(1);
    expect((await app.caches.look('products', ['3']))[0]!.state).toBe('fresh');
  });

  test('and wakes up late settles nothing that another has done', async () => {
    const plan = await openRun(wished.slice(0, 10));
    let late: [ClaimedChunk, FillReport] | undefined;
    const settle: Writes['plans']['settle'] = async (chunk, report) => {
      late = [chunk, { ...report, results: report.results.map(() => 'failed') }];
      killed();
    };
    await expect(lane(plan, rooms({ plans: { settle } }))).rejects.toThrow('killed');
    await db.pool.query(
      `update samovar.plan_chunk set claimed_until = now() - interval '1s' where plan_id = $1`,
      [plan],
    );
    await lane(plan);
    await plans.settle(...late!, Date.now());
    expect((await plans.run(plan))!.results).toEqual({ fresh: 10 });
  });
});

describe('the memory guard', () => {
  test.each<[string, Partial<Memory>, string]>([
    ['nearly full', { usedBytes: 91e6 }, 'memory is 91 % full'],
    ['evicting', { evicted: 6 }, 'memory began to evict entries'],
  ])('stops a run when memory is %s, and says so', async (_, change, why) => {
    const plan = await openRun();
    const fill: Writes['cache']['fill'] = async (...args) => {
      const report = await app.caches.fill(...args);
      memory = { ...memory, ...change };
      return report;
    };
    expect(await lane(plan, rooms({ fill }))).toMatchObject({
      kind: 'done',
      result: { state: 'partial', results: { written: 500, budget: 700 } },
    });
    expect((await plans.run(plan))!.why).toContain(why);
    expect(origin.loads).toHaveLength(1);
  });

  test('keeps a chunk below the mark, not only a run', async () => {
    memory = { usedBytes: 89_999_500, maxBytes: 1e8, evicted: 5, policy: 'volatile-lfu' };
    const plan = await openRun(wished.slice(0, 400));
    const { from, to } = rooms();
    await warm.run({ cache: 'products', plan, lane: 0 }, from, to, context());
    const { results } = (await plans.run(plan))!;
    expect(results.written ?? 0).toBeLessThan(200);
    expect(results.budget).toBeGreaterThan(200);
  });

  test('is off where there is no limit, and at a mark of 1', async () => {
    const plan = await openRun(wished.slice(0, 10));
    memory = { usedBytes: 500, maxBytes: 0, evicted: 5, policy: 'noeviction' };
    expect(await lane(plan)).toMatchObject({ kind: 'done', result: { state: 'done' } });
    const using = rooms();
    using.from.caches.warmOptions = () => ({ memoryMark: 1 }) as never;
    memory = { usedBytes: 99e6, maxBytes: 1e8, evicted: 9, policy: 'volatile-lfu' };
    expect(await lane(await openRun(['1']), using)).toMatchObject({ result: { state: 'done' } });
  });
});

test('a stopped budget puts the run to sleep, and nothing is lost by it', async () => {
  const plan = await openRun();
  await app.budget.set('shop', { perSecond: 0 });
  expect(await lane(plan)).toMatchObject({ kind: 'snooze', why: expect.stringContaining('stopped') });
  expect(origin.loads).toEqual([]);
  await app.budget.set('shop', { perSecond: Number.POSITIVE_INFINITY });
  expect(await lane(plan)).toMatchObject({ kind: 'done', result: { state: 'done' } });
});

test('rows that fail are told, and the run is partial', async () => {
  const plan = await openRun(['1', '2', 'no number']);
  expect(await lane(plan)).toMatchObject({
    kind: 'done',
    result: { state: 'partial', results: { written: 2, failed: 1 } },
  });
  expect(await plans.run(plan)).toMatchObject({ error: expect.stringContaining('E_KEY') });
});
