import type { Redis } from 'ioredis';
import { systemClock } from '../src/clock.ts';
import { openRedis } from '../src/connect.ts';
import { createDue } from '../src/due/redis.ts';
import { dayMs, hourMs } from '../src/duration.ts';
import { newToken } from '../src/lease/lease.ts';
import { createRedisStore } from '../src/store/redis.ts';
import type { Store } from '../src/store/store.ts';
import { tagsKey } from '../src/tags/redis.ts';
import { atMost, type Bench, type BenchContext } from './bench.ts';
import { interleave, median } from './frame/stats.ts';

const cache = 'shop';
const settings = { at: 0.8, refreshCost: 0.7, min: 0.1, max: 4, usualMs: dayMs, longestMs: 4 * dayMs };
const value = 'x'.repeat(1_024);
/** What a warm fills at once, and what a reader's miss does. */
const sizes = { many: 500, one: 1 };
/** As the job `refresh` claims them. */
const mostInClaim = 1_000;
const enough = { cost: 0.06, findMs: 10 };

export const bench: Bench = {
  about: 'the index of what is due: its cost beside the fills that feed it, and how long finding takes',
  async run(context) {
    const server = await context.redis('cache', { maxMemory: '4gb' });
    const redis = openRedis({ role: 'cache', url: server.url, from: 'the bench' });
    await redis.connect();
    try {
      const fills = context.quick ? 4_000 : 40_000;
      const costs = await interleave(context.rounds, {
        many: () => costOf(redis, sizes.many, fills),
        one: () => costOf(redis, sizes.one, fills / 4),
      });
      const share = (name: keyof typeof sizes) => median(costs[name]!.map(({ index, fill }) => index / fill));
      const found = await finding(context, redis);
      return {
        rows: [
          ...(['many', 'one'] as const).flatMap((name) => {
            const what = name === 'many' ? 'fills of 1 KB, 500 at once' : 'fills of 1 KB, one by one';
            const us = (part: 'fill' | 'index') => median(costs[name]!.map((each) => each[part]));
            return [
              { what: `${what}: CPU of the server`, value: us('fill'), unit: 'µs/fill' },
              {
                what: `${what}: of the index`,
                value: us('index'),
                unit: 'µs/fill',
                ratio: share(name),
                against: 'the fill',
              },
            ];
          }),
          { what: `finding ${found.due} due keys of ${found.keys}`, value: found.findMs, unit: 'ms' },
          {
            what: 'the same by SCAN and PTTL',
            value: found.scanMs,
            unit: 'ms',
            ratio: found.scanMs / found.findMs,
            against: 'the index',
          },
        ],
        targets: [
          atMost('index / fill, 500 at once', share('many'), enough.cost),
          atMost('index / fill, one by one', share('one'), enough.cost),
          atMost('ms to find what is due', found.findMs, enough.findMs),
        ],
      };
    } finally {
      redis.disconnect();
    }
  },
};

const indexOver = (redis: Redis) =>
  createDue(redis, {
    prefix: 'bench',
    clock: systemClock,
    caches: [{ cache, ...settings }],
    gatherMs: 0,
    most: 10_000_000,
  });

/** CPU time of the server so far, in µs. */
async function cpuOf(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return 1e6 * (seconds('used_cpu_user') + seconds('used_cpu_sys'));
}

/** What so many fills cost the server, and then what noting them costs. */
async function costOf(redis: Redis, size: number, fills: number): Promise<{ fill: number; index: number }> {
  await redis.flushall();
  const store = createRedisStore(redis, { prefix: 'bench', tagsKey: tagsKey('bench') });
  const due = indexOver(redis);
  const before = await cpuOf(redis);
  const filledAt = systemClock.now();
  for (let from = 0; from < fills; from += size) await fill(store, from, size, filledAt);
  const filled = await cpuOf(redis);
  // As they come in life: what one commit wrote, or what readers filled within a tenth of a second.
  const gathered = Math.max(size, 100);
  for (let from = 0; from < fills; from += gathered) {
    for (let i = from; i < from + gathered; i++) due.fed(cache, `item:${i}`, filledAt, dayMs);
    await due.flush();
  }
  const noted = await cpuOf(redis);
  return { fill: (filled - before) / fills, index: (noted - filled) / fills };
}

async function fill(store: Store, from: number, size: number, filledAt: number): Promise<void> {
  const keys = Array.from({ length: size }, (_, i) => `item:${from + i}`);
  const token = newToken();
  await store.begin(cache, keys, { token, ms: 30_000 }, { want: 'value' });
  const batch = {
    cache,
    token,
    isTagged: false,
    filledBy: 'r',
    filledAt,
    seq: 0,
    plan: 0,
    loadMs: 1,
  } as const;
  const own = { body: value, flags: 0, bytes: value.length, tags: '', ttlMs: dayMs, graceMs: 0, row: 0 };
  const done = await store.commit(
    batch,
    keys.map((key) => ({ key, ...own })),
  );
  if (done.some((each) => each !== 'written')) throw new Error('a fill was not written');
}

async function finding(context: BenchContext, redis: Redis) {
  const keys = context.quick ? 50_000 : 1_000_000;
  const due = keys / 100;
  await redis.flushall();
  context.log(`${keys} entries, ${due} of them due`);
  const index = indexOver(redis);
  const now = systemClock.now();
  for (let from = 0; from < keys; from += 50_000) {
    // Small entries, made by the server itself: how they look does not matter to who looks for them.
    await redis.eval(
      "for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do redis.call('SET', 'item:' .. i, 'x', 'PX', i < tonumber(ARGV[3]) and 3600000 or 86400000) end",
      0,
      from,
      from + 49_999,
      due,
    );
    for (let i = from; i < from + 50_000; i++)
      index.fed(cache, `item:${i}`, i < due ? now - dayMs : now - i / 100, dayMs);
    await index.flush();
  }
  const findTimes: number[] = [];
  // The scripts are known to the server from here on, as they are in life.
  const first = await index.claim(cache, { most: mostInClaim });
  await index.settle(
    [first!],
    first!.keys.map((key) => ({ key, age: { filledAt: now - dayMs, freshUntil: now, filledBy: 'r' } })),
  );
  // A look takes milliseconds, and a machine's hiccup as many: its median needs more of them.
  for (let round = 0; round < context.rounds + 4; round++) {
    let found = 0;
    let ms = 0;
    for (;;) {
      const from = systemClock.elapsed();
      const claim = await index.claim(cache, { most: mostInClaim });
      ms += systemClock.elapsed() - from;
      if (claim === undefined) break;
      found += claim.keys.length;
      await index.settle([claim], []);
    }
    if (found !== due) throw new Error(`${found} of ${due} due keys were found`);
    findTimes.push(ms);
    for (let i = 0; i < due; i++) index.fed(cache, `item:${i}`, now - dayMs, dayMs);
    await index.flush();
  }
  return { keys, due, findMs: median(findTimes), scanMs: await scan(redis, due) };
}

/** Looks at every entry: who ends within two hours is due. */
async function scan(redis: Redis, due: number): Promise<number> {
  const from = systemClock.elapsed();
  let found = 0;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', 'item:*', 'COUNT', 1_000);
    cursor = next;
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.pttl(key);
    const told = await pipeline.exec();
    found += told!.filter(([, ms]) => (ms as number) < 2 * hourMs).length;
  } while (cursor !== '0');
  if (found < due) throw new Error(`a scan found ${found} of ${due} due keys`);
  return systemClock.elapsed() - from;
}
