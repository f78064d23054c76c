import { Redis } from 'ioredis';
import { afterAll, inject } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { createRedisBus } from '../../src/bus/redis.ts';
import { type Caches, createCaches } from '../../src/cache/caches.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { openRedis, reconnect } from '../../src/connect.ts';
import { type AnyCacheDef, defineOrigin } from '../../src/define.ts';
import { createEmitter, type EventName, type Events } from '../../src/events.ts';
import { holdOffsOf } from '../../src/hold-off.ts';
import { key } from '../../src/key.ts';
import { type Budget, createBudget } from '../../src/origin/budget.ts';
import { createRedisLimiter } from '../../src/origin/redis.ts';
import { createOutage, type Outage } from '../../src/outage/outage.ts';
import type { Fill, Recorder } from '../../src/rooms.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import type { Store } from '../../src/store/store.ts';
import { createRedisTags, tagsKey } from '../../src/tags/redis.ts';
import type { Tags } from '../../src/tags/tags.ts';

/** The counter of one process, on connections of its own, with everything it tells written down. */
export interface Counter {
  readonly caches: Caches;
  readonly store: Store;
  readonly tags: Tags;
  readonly outage: Outage;
  readonly budget: Budget;
  readonly bus: Bus;
  readonly cacheRedis: Redis;
  readonly queueRedis: Redis;
  readonly hits: { cache: string; key: string; caller: string | undefined; plan: number; row: number }[];
  readonly misses: { cache: string; key: string; caller: string | undefined }[];
  readonly fills: Fill[];
  /** What a flush of the recorder begins with: who counted elsewhere tells. */
  tell(): void;
  /** What events of a name have told. */
  told<Name extends EventName>(name: Name): Events[Name][];
}

export interface CounterOptions {
  readonly clock?: Clock;
  readonly cacheUrl?: string;
  readonly queueUrl?: string;
  /** Where it hears of other processes. @default cacheUrl */
  readonly listenUrl?: string;
  /** What chance says, from 0 up to 1. @default never early */
  readonly chance?: () => number;
  /** Stands between the caches and the store. */
  readonly around?: (store: Store) => Store;
  /** Stands between the caches and the budget. */
  readonly aroundBudget?: (budget: Budget) => Budget;
  /** Opens the cache's Redis as the product does, with this time for a command. */
  readonly commandTimeoutMs?: number;
  /** Most invalidations kept. */
  readonly keep?: number;
  /** @default 'test' */
  readonly prefix?: string;
}

/** Redis as the product opens it: failing fast. Logical databases of this test process. */
export const urls = () => {
  const db = Number(process.env['VITEST_POOL_ID'] ?? 1) % 64;
  return { cacheUrl: `${inject('cacheUrl')}/${db}`, queueUrl: `${inject('queueUrl')}/${db}` };
};

const open: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of open) await close();
});

export async function counter(defs: readonly AnyCacheDef[], options: CounterOptions = {}): Promise<Counter> {
  const { clock = systemClock, cacheUrl = urls().cacheUrl, queueUrl = urls().queueUrl } = options;
  const { around = (store) => store, aroundBudget = (budget) => budget } = options;
  const { commandTimeoutMs } = options;
  const connect = async (url: string) => {
    if (commandTimeoutMs !== undefined) {
      const redis = openRedis({ role: 'cache', url, from: 'the test', commandTimeoutMs });
      await redis.connect().catch(() => {}); // it may be away at first
      return redis;
    }
    const redis = new Redis(url, {
      lazyConnect: true,
      maxRetriesPerRequest: 1,
      enableOfflineQueue: false,
      commandTimeout: 1_000,
      retryStrategy: () => 50,
    });
    redis.on('error', () => {}); // tests take servers away on purpose
    await redis.connect();
    return redis;
  };
  const [cacheRedis, queueRedis] = [await connect(cacheUrl), await connect(queueUrl)];
  const { prefix = 'test' } = options;
  const events = createEmitter((error) => {
    throw error;
  });
  const told = new Map<EventName, unknown[]>();
  for (const name of [
    'load:settled',
    'fill:settled',
    'entry:refused',
    'budget:waited',
    'budget:changed',
    'cache:invalidated',
    'store:failed',
    'read:failed',
    'store:changed',
    'invalidation:kept',
    'invalidation:replayed',
  ] as const) {
    const list: unknown[] = [];
    told.set(name, list);
    events.on(name, (event) => list.push(event));
  }
  const hits: Counter['hits'] = [];
  const misses: Counter['misses'] = [];
  const fills: Fill[] = [];
  const beforeFlush = new Set<() => void>();
  const recorder: Recorder = {
    hit: (cache, key, caller, plan, row, accesses = 1) => {
      for (let i = 0; i < accesses; i++) hits.push({ cache, key, caller, plan, row });
    },
    miss: (cache, key, caller, accesses = 1) => {
      for (let i = 0; i < accesses; i++) misses.push({ cache, key, caller });
    },
    beforeFlush(task) {
      beforeFlush.add(task);
      return () => beforeFlush.delete(task);
    },
    fill: (fill) => void fills.push(fill),
  };
  const openSubscriber = () =>
    openRedis({ role: 'cache', use: 'subscriber', url: options.listenUrl ?? cacheUrl, from: 'the test' });
  const tracked = defs.filter(({ memory }) => memory?.tracking).map(({ name }) => name);
  const holdOffs = holdOffsOf(defs);
  const bus = createRedisBus(cacheRedis, { prefix, clock, openSubscriber, tracked });
  const outage = createOutage({
    clock,
    events,
    reconnect: () => reconnect(cacheRedis),
    most: options.keep ?? 10_000,
    tagged: defs.filter((def) => def.tags !== undefined).map((def) => def.name),
    open: (watch) => ({
      store: createRedisStore(cacheRedis, { prefix, voice: bus, tagsKey: tagsKey(prefix), holdOffs, watch }),
      tags: createRedisTags(cacheRedis, {
        prefix,
        voice: bus,
        keepMs: 60_000,
        notesTimes: holdOffs.size > 0,
        watch,
      }),
    }),
  });
  cacheRedis.on('ready', outage.wake);
  const { tags } = outage;
  const store = around(outage.store);
  const budget = aroundBudget(createBudget(createRedisLimiter(queueRedis, { prefix }), { clock, events }));
  const caches = createCaches(defs, {
    store,
    tags,
    budget,
    clock,
    events,
    recorder,
    bus,
    chance: options.chance ?? (() => 0),
    // Redis does not live by a clock of the test's own.
    patienceMs: clock === systemClock ? (commandTimeoutMs ?? 1_000) : Number.POSITIVE_INFINITY,
  });
  open.push(async () => {
    await caches.settled();
    await outage.stop();
    bus.close();
    cacheRedis.disconnect();
    queueRedis.disconnect();
  });
  return {
    caches,
    store,
    tags,
    outage,
    budget,
    bus,
    cacheRedis,
    queueRedis,
    hits,
    misses,
    fills,
    tell() {
      for (const task of beforeFlush) task();
    },
    told: <Name extends EventName>(name: Name) => (told.get(name) ?? []) as Events[Name][],
  };
}

/** An origin whose rows the test holds, and whose loads it can hold up. */
export function shop(options: Parameters<typeof defineOrigin>[1] = {}) {
  const rows = new Map<number, unknown>();
  const loads: number[][] = [];
  let gate: Promise<void> | undefined;
  let open = () => {};
  return {
    origin: defineOrigin('shop', options),
    rows,
    /** The ids of each load, in order of their beginning. */
    loads,
    /** Loads begun from now on read their rows at once and answer when `release` is called. */
    hold() {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    release() {
      gate = undefined;
      open();
    },
    async load(ids: number[]): Promise<Map<number, unknown>> {
      loads.push(ids);
      const found = new Map(
        ids.filter((id) => rows.has(id)).map((id) => [id, structuredClone(rows.get(id))]),
      );
      await gate;
      return found;
    },
  };
}

/** What the caches of most tests have in common. */
export const soldBy = ({ origin, load }: Pick<ReturnType<typeof shop>, 'origin' | 'load'>) =>
  ({ origin, key: key.number, ttl: '1m', load: (ids: number[]) => load(ids) }) as const;
