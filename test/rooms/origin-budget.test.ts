import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { nextTurn, systemClock } from '../../src/clock.ts';
import { defineOrigin } from '../../src/define.ts';
import { createEmitter, type Events } from '../../src/events.ts';
import { readLua } from '../../src/files.ts';
import { createBudget } from '../../src/origin/budget.ts';
import { earlyMs, grainMs } from '../../src/origin/limiter.ts';
import { createRedisLimiter } from '../../src/origin/redis.ts';
import { fakeClock, redis, startProxy, until } from '../support/index.ts';

const queue = await redis('queue');
beforeEach(() => queue.flush());

/** The scripts, at a time of the test's own. */
const script = (name: string) => {
  const lua = readLua(name);
  return (...args: (string | number)[]) =>
    queue.client.eval(lua, 2, 'test:{budget:db}', 'test:{budget:db}:places', ...args) as Promise<unknown>;
};
const [takeScript, doneScript] = [script('budget-take'), script('budget-done')];
interface Limits {
  rate?: number | '';
  places?: number;
  placeMs?: number;
}
let grants = 0;
const take = async (
  now: number,
  ids = 500,
  { rate = 500, places = 100, placeMs = 1_000_000 }: Limits = {},
) => {
  const grant = `g${++grants}`;
  const reply = await takeScript(ids, grant, rate, places, placeMs, grainMs, earlyMs, 'items', now);
  const [kind, granted, waitMs, factor] = reply as [string, number, number, string];
  return { kind, ids: granted, waitMs, factor: Number(factor), grant };
};
interface Verdict {
  unused?: number;
  seen?: number;
  wanted?: number;
  base?: string;
  ids?: number;
}
const done = async (
  now: number,
  grant: string,
  { unused = 0, seen = 1, wanted = 1, base = '', ids = 10 }: Verdict = {},
) => Number(await doneScript(grant, unused, 500, 'items', ids, base, seen, wanted, 1_000, now));

describe('the rate, by the arithmetic of the script', () => {
  test('is kept over any 5 s and never exceeded by a fifth in any 200 ms, however late three askers come', async () => {
    // A fixed sequence that looks like chance.
    let state = 7;
    const chance = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const loads: { at: number; ids: number }[] = [];
    const askers = [0, 3, 11].map((at) => ({ at: 1_000_000 + at }));
    while (askers[0]!.at < 1_012_000) {
      askers.sort((a, b) => a.at - b.at);
      const asker = askers[0]!;
      const { ids, waitMs } = await take(asker.at, 500, { places: 10_000 });
      // A load begins up to 8 ms after its moment, an asker comes up to 10 ms after its time.
      if (ids > 0) loads.push({ at: asker.at + waitMs + chance() * 8, ids });
      asker.at += waitMs + chance() * 10;
    }
    const within = (from: number, ms: number) =>
      loads.filter(({ at }) => at >= from && at < from + ms).reduce((sum, { ids }) => sum + ids, 0);
    for (let from = 1_000_000; from < 1_011_800; from += 5)
      expect(within(from, 200), `from ${from}`).toBeLessThanOrEqual(120);
    for (let from = 1_000_500; from < 1_007_000; from += 50) {
      expect(within(from, 5_000)).toBeLessThanOrEqual(2_500 * 1.05);
      expect(within(from, 5_000)).toBeGreaterThanOrEqual(2_500 * 0.95);
    }
  });

  test('grants 20 ms of work at a time, at least one id, at most what is wished', async () => {
    expect(await take(1_000)).toMatchObject({ kind: 'granted', ids: 10, waitMs: 0 });
    expect(await take(1_000)).toMatchObject({ kind: 'wait', ids: 0, waitMs: 5 });
    expect(await take(1_005)).toMatchObject({ kind: 'granted', ids: 10, waitMs: 15 });
    expect(await take(1_005)).toMatchObject({ kind: 'wait', ids: 0, waitMs: 20 });
    await queue.flush();
    expect(await take(1_000, 3)).toMatchObject({ ids: 3 });
    expect(await take(1_000, 3, { rate: 1 })).toMatchObject({ kind: 'granted', ids: 1 });
    expect(await take(1_000, 3, { rate: 1 })).toMatchObject({ kind: 'wait', waitMs: 1_006 - earlyMs });
  });

  test('a clock that was set back an hour stops the loads for a minute at most', async () => {
    await take(5_000_000);
    await take(5_000_005);
    const set = await take(1_400_000);
    expect(set).toMatchObject({ kind: 'wait', ids: 0 });
    expect(set.waitMs).toBeLessThanOrEqual(60_040);
    expect(await take(1_400_000 + set.waitMs)).toMatchObject({ kind: 'granted' });
  });

  test('a long rest saves nothing up', async () => {
    await take(1_000);
    const moments = [];
    for (let at = 90_000; at < 90_100; at++) {
      const { ids, waitMs } = await take(at);
      if (ids > 0) moments.push(at + waitMs);
    }
    expect(moments).toEqual([90_000, 90_020, 90_040, 90_060, 90_080, 90_100]);
  });

  test('no rate is no limit, infinity neither, and 0 is a stop', async () => {
    expect(await take(1_000, 500, { rate: '' })).toMatchObject({ kind: 'granted', ids: 500 });
    await queue.client.hset('test:{budget:db}', 'perSecond', 'inf');
    expect(await take(1_000)).toMatchObject({ kind: 'granted', ids: 500 });
    expect(await take(1_000, 1, { rate: 0 })).toMatchObject({ kind: 'granted' });
    await queue.client.hset('test:{budget:db}', 'perSecond', '0');
    expect(await take(1_000)).toMatchObject({ kind: 'stopped', ids: 0 });
  });

  test('what a grant did not use comes back, what it used beyond is owed', async () => {
    const { grant } = await take(1_000);
    await done(1_001, grant, { unused: 10 });
    expect(await take(1_001)).toMatchObject({ kind: 'granted', ids: 10 });
    const next = await take(1_021);
    await done(1_022, next.grant, { unused: -50 });
    expect(await take(1_022)).toMatchObject({ kind: 'wait', waitMs: 1_021 + 20 + 100 - 1_022 - earlyMs });
  });
});

describe('places', () => {
  test('bound the loads at once, and come free with their load or their time', async () => {
    const limits = { rate: '' as const, places: 2, placeMs: 500 };
    const first = await take(1_000, 1, limits);
    await take(1_100, 1, limits);
    expect(await take(1_200, 1, limits)).toMatchObject({ kind: 'full', ids: 0 });
    await done(1_201, first.grant);
    expect(await take(1_202, 1, limits)).toMatchObject({ kind: 'granted' });
    expect(await take(1_203, 1, limits)).toMatchObject({ kind: 'full' });
    // The worker of the second died: its place ends at 1600.
    expect(await take(1_599, 1, limits)).toMatchObject({ kind: 'full' });
    expect(await take(1_600, 1, limits)).toMatchObject({ kind: 'granted' });
  });
});

describe('the factor', () => {
  test('is moved by the first to see trouble, once a second, and slows rate and places', async () => {
    const { grant } = await take(10_000);
    expect(await done(10_000, grant, { seen: 1, wanted: 0.5 })).toBe(0.5);
    expect(await done(10_001, 'x', { seen: 1, wanted: 0.5 })).toBe(0.5);
    expect(await done(10_900, 'x', { seen: 0.5, wanted: 0.25 })).toBe(0.5);
    expect(await done(11_000, 'x', { seen: 0.5, wanted: 0.25 })).toBe(0.25);
    expect(await done(13_000, 'x', { seen: 1, wanted: 0.5 })).toBe(0.25);
    expect(await take(20_000)).toMatchObject({ ids: 2, factor: 0.25 });
    expect(await take(20_001)).toMatchObject({ kind: 'granted', waitMs: 15 });
    expect(await take(20_001)).toMatchObject({ kind: 'wait', waitMs: 16 });
    await queue.client.del('test:{budget:db}:places');
    const places = { rate: '' as const, places: 4 };
    expect(await take(30_000, 1, places)).toMatchObject({ kind: 'granted' });
    expect(await take(30_000, 1, places)).toMatchObject({ kind: 'full' });
  });
});

describe('a budget', () => {
  const origin = defineOrigin('db', { budget: { perSecond: 400, concurrency: 3 }, timeout: '1s' });
  const wish = (ids = 100, signal = new AbortController().signal) => ({ cache: 'items', ids, signal });
  const open = (clock = systemClock, client = queue.client) => {
    const events = createEmitter();
    const changed: Events['budget:changed'][] = [];
    const waited: Events['budget:waited'][] = [];
    events.on('budget:changed', (event) => changed.push(event));
    events.on('budget:waited', (event) => waited.push(event));
    return {
      budget: createBudget(createRedisLimiter(client, { prefix: 'test' }), { clock, events }),
      changed,
      waited,
    };
  };
  const granted = async (taken: ReturnType<ReturnType<typeof open>['budget']['take']>) => {
    const grant = await taken;
    if (grant.kind !== 'granted') throw new Error(`not granted: ${grant.kind}`);
    return grant;
  };

  test('three askers on connections of their own get one rate together', async () => {
    const clients = [1, 2, 3].map(() => new Redis(queue.url));
    try {
      const serverMs = async () => {
        const [seconds, micros] = await queue.client.time();
        return Number(seconds) * 1_000 + Number(micros) / 1_000;
      };
      const from = await serverMs();
      const counts = await Promise.all(
        clients.map(async (client) => {
          const { budget } = open(systemClock, client);
          let ids = 0;
          while ((await serverMs()) - from < 1_500) {
            const grant = await granted(budget.take(origin, wish()));
            ids += grant.ids;
            await grant.done({ outcome: 'ok', ms: 1, ids: grant.ids });
          }
          return ids;
        }),
      );
      const passed = (await serverMs()) - from;
      const total = counts.reduce((sum, ids) => sum + ids);
      expect(total).toBeLessThanOrEqual(0.4 * (passed + earlyMs) + 8);
      for (const ids of counts) expect(ids).toBeGreaterThan(0);
    } finally {
      for (const client of clients) client.disconnect();
    }
  });

  test('loads at once are one number for all processes', async () => {
    const [one, two] = [open().budget, open().budget];
    await one.set('db', { perSecond: Number.POSITIVE_INFINITY });
    const held = [
      await granted(one.take(origin, wish())),
      await granted(two.take(origin, wish())),
      await granted(two.take(origin, wish())),
    ];
    let isIn = false;
    const next = granted(one.take(origin, wish())).then((grant) => {
      isIn = true;
      return grant;
    });
    await until(async () => (await queue.client.zcard('test:{budget:db}:places')) === 3, 'three loads run');
    expect(isIn).toBe(false);
    await held[2]!.done({ outcome: 'ok', ms: 1, ids: 100 });
    await (await next).done({ outcome: 'ok', ms: 1, ids: 100 });
    for (const grant of held.slice(0, 2)) await grant.done({ outcome: 'ok', ms: 1, ids: 100 });
    expect(await queue.client.zcard('test:{budget:db}:places')).toBe(0);
  });

  test('a load that goes on after its time keeps its place until it ends, or ten of its times have passed', async () => {
    const clock = fakeClock();
    const { budget } = open(clock);
    await budget.set('db', { perSecond: Number.POSITIVE_INFINITY, concurrency: 1 });
    const places = () => queue.client.zcard('test:{budget:db}:places');
    const report = { outcome: 'failed', ms: 1_000, ids: 100 } as const;
    let end = () => {};
    const left = new Promise<void>((resolve) => {
      end = resolve;
    });
    await (await granted(budget.take(origin, wish()))).done({ ...report, left });
    expect(await places()).toBe(1);
    let isIn = false;
    const next = granted(budget.take(origin, wish())).then((grant) => {
      isIn = true;
      return grant;
    });
    await nextTurn();
    expect(isIn).toBe(false);
    end();
    await queue.client.del('test:{budget:db}:places');
    await until(() => clock.advance(10).then(() => isIn), 'the place is free');
    // One that never ends.
    await (await next).done({ ...report, left: new Promise(() => {}) });
    await queue.client.del('test:{budget:db}:places');
    const last = granted(budget.take(origin, wish()));
    await clock.advance(10_000);
    await (await last).done({ ...report, left: Promise.resolve() });
    expect(await places()).toBe(0);
  });

  test('tells its state, and what it was told', async () => {
    const { budget } = open();
    expect(await budget.state(origin)).toEqual({ perSecond: 400, concurrency: 3, factor: 1 });
    await budget.set('db', { perSecond: 50 });
    await budget.set('db', { concurrency: 1 });
    await budget.set('db', {});
    expect(await open().budget.state(origin)).toEqual({ perSecond: 50, concurrency: 1, factor: 1 });
    await budget.set('db', { perSecond: Number.POSITIVE_INFINITY });
    expect(await budget.state(origin)).toEqual({ concurrency: 1, factor: 1 });
    expect(await budget.state(defineOrigin('other'))).toEqual({ concurrency: 4, factor: 1 });
  });

  test('0 stops it, and a new rate holds at once, whatever the old one had promised', async () => {
    const { budget } = open();
    await budget.set('db', { perSecond: 0 });
    expect(await budget.take(origin, wish())).toMatchObject({ kind: 'stopped' });
    expect(budget.isUnlimited(origin)).toBe(false);
    await budget.set('db', { perSecond: 0.001 });
    await (await granted(budget.take(origin, wish()))).done({ outcome: 'ok', ms: 1, ids: 1 });
    await budget.set('db', { perSecond: 400 });
    expect((await granted(budget.take(origin, wish()))).ids).toBe(8);
  });

  test('failures and slow loads slow it down, good ones speed it up again', async () => {
    const { budget, changed } = open();
    const load = async (outcome: 'ok' | 'failed', ms: number) => {
      const grant = await granted(budget.take(origin, wish(1)));
      await grant.done({ outcome, ms, ids: 1 });
      // A second passes, for the limiter.
      await queue.client.hincrby('test:{budget:db}', 'changedAt', -1_000);
    };
    await budget.set('db', { perSecond: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 20; i++) await load('ok', 10);
    await load('failed', 10);
    expect(await budget.state(origin)).toMatchObject({ factor: 0.5 });
    await load('ok', 10);
    expect(await budget.state(origin)).toMatchObject({ factor: 0.6 });
    for (let i = 0; i < 4; i++) await load('ok', 10);
    for (let i = 0; i < 4; i++) await load('ok', 500);
    expect((await budget.state(origin)).factor).toBeLessThan(1);
    expect(changed.map(({ factor }) => factor).slice(0, 3)).toEqual([0.5, 0.6, 0.7]);
  });

  test('a probe that says "saturated" slows it down', async () => {
    const { budget } = open();
    const probed = defineOrigin('db', { probe: async () => 0.95 });
    await (await granted(budget.take(probed, wish(1)))).done({ outcome: 'ok', ms: 1, ids: 1 });
    expect(await budget.state(probed)).toMatchObject({ factor: 0.5 });
  });

  test('what asks for nothing learns nothing', async () => {
    const { budget, changed } = open();
    await (await granted(budget.take(origin, wish(1)))).done({ outcome: 'unused', ms: 0, ids: 0 });
    expect(changed).toEqual([]);
    expect(Object.keys(await queue.client.hgetall('test:{budget:db}'))).toEqual(['tat']);
  });

  test('ends waiting when it is aborted', async () => {
    const { budget } = open();
    await budget.set('db', { perSecond: 0.001, concurrency: 1 });
    const first = await granted(budget.take(origin, wish()));
    const abort = new AbortController();
    const waiting = [budget.take(origin, wish(1, abort.signal)), budget.take(origin, wish(1, abort.signal))];
    abort.abort();
    for (const each of await Promise.all(waiting)) expect(each).toMatchObject({ kind: 'aborted' });
    await first.done({ outcome: 'ok', ms: 1, ids: 1 });
    expect(await budget.take(origin, wish(1, AbortSignal.abort()))).toMatchObject({ kind: 'aborted' });
  });
});

describe('a limiter out of reach', () => {
  const closing: (() => unknown)[] = [];
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });
  const origin = defineOrigin('db');
  const wish = { cache: 'items', ids: 5, signal: new AbortController().signal };

  test('lets nothing through: it is waited for a while, then given up', async () => {
    const clock = fakeClock();
    const proxy = await startProxy(queue.url);
    const client = new Redis(proxy.url, {
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: () => 20,
    });
    client.on('error', () => {});
    closing.push(
      () => proxy.close(),
      () => client.disconnect(),
    );
    await until(() => client.status === 'ready', 'connected');
    const budget = createBudget(createRedisLimiter(client, { prefix: 'test' }), {
      clock,
      events: createEmitter(),
    });
    proxy.refuse();
    await until(() => client.status !== 'ready', 'cut');
    const taking = budget.take(origin, wish);
    for (let passed = 0; passed < 10_000; passed += 250) {
      await until(() => clock.pending > 0, 'it waits');
      await clock.advance(250);
    }
    expect(await taking).toMatchObject({ kind: 'away', message: expect.stringContaining('queue Redis') });
    await expect(budget.state(origin)).rejects.toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
    await expect(budget.set('db', { perSecond: 1 })).rejects.toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });

    const again = budget.take(origin, wish);
    await until(() => clock.pending > 0, 'it waits');
    proxy.pass();
    await until(() => client.status === 'ready', 'connected again');
    await clock.advance(250);
    const grant = await again;
    expect(grant).toMatchObject({ kind: 'granted', ids: 5 });
    // A load whose end cannot be told is no failure.
    proxy.refuse();
    await until(() => client.status !== 'ready', 'cut again');
    if (grant.kind === 'granted') await grant.done({ outcome: 'ok', ms: 1, ids: 5 });
  });
});
