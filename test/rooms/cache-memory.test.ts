import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { BusNews } from '../../src/bus/bus.ts';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { createNames } from '../../src/store/names.ts';
import { fakeClock, startProxy, until } from '../support/index.ts';
import { type Counter, type CounterOptions, counter, shop, soldBy } from './cache-counter.ts';

const origin = shop();
const base = soldBy(origin);
const memory = { maxBytes: 1_000_000 } as const;
const plain = defineCache('plain', { ...base, memory });
const tagged = defineCache('tagged', { ...base, memory, tags: (id) => [`id:${id}`, 'all'] });
const shared = defineCache('shared', { ...base, memory: { ...memory, share: true } });
const named = defineCache('named', {
  ...base,
  memory,
  key: key.string,
  load: (ids: string[]) => new Map(ids.map((id) => [id, { id }])),
});
const brief = defineCache('brief', { ...base, memory: { ...memory, ttl: '10s' } });
const small = defineCache('small', { ...base, memory: { maxBytes: 3_000 } });
const tracked = defineCache('tracked', { ...base, memory: { ...memory, tracking: true } });
const defs = [plain, tagged, shared, named, brief, small, tracked];
// A server of its own: whoever flushes a database is heard in all of them.
const server = await startRedis({ role: 'cache' });
afterAll(() => server.stop());

interface Process extends Counter {
  /** How often the store was asked for entries. */
  asked(): number;
}

/** A process that listens. */
async function open(options: CounterOptions = {}): Promise<Process> {
  let times = 0;
  const made = await counter(defs, {
    cacheUrl: server.url,
    ...options,
    around: (store) => ({
      ...store,
      get(cache, key) {
        times += 1;
        return store.get(cache, key);
      },
      getMany(cache, keys) {
        times += 1;
        return store.getMany(cache, keys);
      },
    }),
  });
  made.bus.open();
  await until(() => made.bus.isUp, 'it listens');
  return { ...made, asked: () => times };
}
const one = await open();
const two = await open();

beforeEach(async () => {
  origin.release();
  await Promise.all([one, two].map(({ caches }) => caches.settled()));
  const heard: BusNews[] = [];
  const off = [one, two].map(({ bus }) => bus.on((news) => void (news.kind === 'clear' && heard.push(news))));
  await one.cacheRedis.flushdb();
  await until(() => heard.length === 2, 'both heard of the flush');
  for (const end of off) end();
  origin.rows.clear();
  origin.loads.length = 0;
  for (const { hits, misses, tell } of [one, two]) {
    tell();
    hits.length = 0;
    misses.length = 0;
  }
});

/** How often the store was asked while something was done. */
async function asked<T>(process: Process, work: () => Promise<T>): Promise<[T, number]> {
  const before = process.asked();
  const done = await work();
  return [done, process.asked() - before];
}

/** Reads it until it is in memory: the first time it is loaded, the second it is found in Redis. */
async function remember(process: Process, id: number, def = plain): Promise<void> {
  await process.caches.open(def).get(id);
  await process.caches.settled();
  await process.caches.open(def).get(id);
  const [, times] = await asked(process, () => process.caches.open(def).get(id));
  expect(times).toBe(0);
}

describe('what was read lately', () => {
  test('is answered without asking Redis, and each caller has its own copy', async () => {
    origin.rows.set(1, { name: 'pot', parts: [{ lid: true }], none: null });
    await remember(one, 1);
    const [values, times] = await asked(one, () =>
      Promise.all([one.caches.open(plain).get(1), one.caches.open(plain).get(1)]),
    );
    expect(times).toBe(0);
    expect(values).toEqual([origin.rows.get(1), origin.rows.get(1)]);
    const [a, b] = values as { name: string; parts: { lid: boolean }[] }[];
    a!.name = 'changed';
    a!.parts[0]!.lid = false;
    a!.parts.push({ lid: false });
    expect(b).toEqual(origin.rows.get(1));
    expect(await one.caches.open(plain).get(1)).toEqual(origin.rows.get(1));
    expect(origin.loads).toEqual([[1]]);
  });

  test('is what the first reader got, whatever that one did to it', async () => {
    origin.rows.set(1, { parts: [1] });
    await one.caches.open(plain).get(1);
    await one.caches.settled();
    const first = (await one.caches.open(plain).get(1)) as { parts: number[] };
    first.parts.push(2);
    expect(await one.caches.open(plain).get(1)).toEqual({ parts: [1] });
  });

  test('is the same and frozen where it is shared', async () => {
    origin.rows.set(1, { parts: [{ lid: true }] });
    await remember(one, 1, shared as never);
    const [a, b] = [await one.caches.open(shared).get(1), await one.caches.open(shared).get(1)];
    expect(a).toBe(b);
    expect(() => ((a as { parts: { lid: boolean }[] }).parts[0]!.lid = false)).toThrow(TypeError);
    expect(() => (a as { parts: unknown[] }).parts.push(1)).toThrow(TypeError);
  });

  test.each([[0], [''], [false], [[]], ['text'], [null], [undefined]])('may be %j', async (value) => {
    origin.rows.set(1, value);
    if (value === undefined) origin.rows.clear();
    const cache = one.caches.open(plain);
    await cache.get(1);
    await one.caches.settled();
    await cache.get(1);
    const [found, times] = await asked(one, () => cache.get(1));
    expect([found, times]).toEqual([value, 0]);
  });

  test('is found by many at once, in the order they were asked', async () => {
    for (let id = 1; id <= 4; id++) origin.rows.set(id, { id });
    const cache = one.caches.open(plain);
    await remember(one, 2);
    await remember(one, 4);
    const found = await cache.getMany([3, 4, 9, 2, 4, 1]);
    expect([...found]).toEqual([3, 4, 2, 1].map((id) => [id, { id }]));
    (found.get(2) as { id: number }).id = 0;
    expect(await cache.getMany([2])).toEqual(new Map([[2, { id: 2 }]]));
    expect([...(await cache.getSettled([9, 4])).values()]).toEqual([
      { state: 'missing' },
      { state: 'value', value: { id: 4 } },
    ]);
  });

  test('is found by texts without encoding them; other ids are refused as ever', async () => {
    const cache = one.caches.open(named);
    await cache.get('a');
    await one.caches.settled();
    await cache.get('a');
    expect(await asked(one, () => cache.get('a'))).toEqual([{ id: 'a' }, 0]);
    await expect(cache.get('')).rejects.toMatchObject({ code: 'E_KEY' });
    await expect(cache.get(5 as never)).rejects.toMatchObject({ code: 'E_KEY' });
  });

  test('is bounded by bytes', async () => {
    const cache = one.caches.open(small);
    for (let id = 1; id <= 20; id++) origin.rows.set(id, 'x'.repeat(400));
    origin.rows.set(99, 'x'.repeat(4_000));
    for (let id = 1; id <= 20; id++) await cache.get(id);
    await cache.get(99);
    await one.caches.settled();
    for (let round = 0; round < 2; round++) {
      await cache.get(99);
      for (let id = 1; id <= 20; id++) await cache.get(id);
    }
    expect((await asked(one, () => cache.get(99)))[1]).toBe(1);
    const held = [];
    for (let id = 20; id >= 1; id--) if ((await asked(one, () => cache.get(id)))[1] === 0) held.push(id);
    expect(held.slice(0, 3)).toEqual([20, 19, 18]);
    expect(held.length).toBeLessThan(8);
  });
});

describe('it is counted', () => {
  test('in bulk, when counts are about to leave, and by caller at once', async () => {
    origin.rows.set(1, 'pot');
    await remember(one, 1);
    one.tell();
    one.hits.length = 0;
    for (let i = 0; i < 5; i++) await one.caches.open(plain).get(1);
    await one.caches.open(plain).get(1, { caller: 'bot' });
    expect(one.hits).toEqual([{ cache: 'plain', key: '1', caller: 'bot', plan: 0, row: 0 }]);
    one.tell();
    expect(one.hits.slice(1)).toEqual(
      Array.from({ length: 5 }, () => ({ cache: 'plain', key: '1', caller: undefined, plan: 0, row: 0 })),
    );
    one.tell();
    expect(one.hits).toHaveLength(6);
  });

  test('although it was dropped meanwhile', async () => {
    origin.rows.set(1, 'pot');
    await remember(one, 1);
    one.tell();
    one.hits.length = 0;
    await one.caches.open(plain).get(1);
    await one.caches.open(plain).delete(1);
    one.tell();
    expect(one.hits).toHaveLength(1);
  });
});

describe('it is never trusted for too long', () => {
  const ways: [string, (by: Counter) => Promise<unknown>][] = [
    ['deleted', (by) => by.caches.open(tagged).delete(1)],
    ['invalidated by tag', (by) => by.caches.invalidate({ tags: ['id:1'] })],
    ['cleared', (by) => by.caches.invalidate({ cache: 'tagged', all: true })],
    ['flushed away', (by) => by.cacheRedis.flushdb()],
  ];

  test.each(ways)('what another process has %s is forgotten, and nothing else', async (way, invalidate) => {
    origin.rows.set(1, 'old').set(2, 'other');
    await remember(one, 1, tagged as never);
    await remember(one, 2, tagged as never);
    origin.rows.set(1, 'new');
    await invalidate(two);
    await until(async () => (await one.caches.open(tagged).get(1)) === 'new', 'it is forgotten');
    const [value, times] = await asked(one, () => one.caches.open(tagged).get(2));
    expect([value, times]).toEqual(['other', way === 'cleared' || way === 'flushed away' ? 1 : 0]);
  });

  test.each(ways.slice(0, 3))('what this process has %s is forgotten at once', async (_, invalidate) => {
    origin.rows.set(1, 'old');
    await remember(one, 1, tagged as never);
    origin.rows.set(1, 'new');
    await invalidate(one);
    expect(await one.caches.open(tagged).get(1)).toBe('new');
  });

  test.each(ways)('an answer that was on its way when it was %s is not kept', async (_, invalidate) => {
    const proxy = await startProxy(server.url);
    try {
      const near = await open();
      // Its questions take the long way, what is told comes on the short one.
      const slow = await open({ cacheUrl: proxy.url, listenUrl: server.url });
      origin.rows.set(1, 'old');
      await near.caches.open(tagged).get(1);
      await near.caches.settled();
      const heard: BusNews[] = [];
      slow.bus.on((news) => heard.push(news));
      proxy.delay(150);
      const early = slow.caches.open(tagged).get(1);
      await until(async () => slow.asked() > 0, 'it has asked');
      await invalidate(near);
      origin.rows.set(1, 'new');
      await until(() => heard.length > 0, 'it is told');
      await early;
      proxy.pass();
      expect(await slow.caches.open(tagged).get(1)).toBe('new');
    } finally {
      await proxy.close();
    }
  });

  test('what is lost of the bus may have been anything', async () => {
    origin.rows.set(1, 'old');
    await remember(one, 1);
    const news: BusNews[] = [];
    one.bus.on((each) => news.push(each));
    await one.cacheRedis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => news.some(({ kind }) => kind === 'lost'), 'it is lost');
    expect((await asked(one, () => one.caches.open(plain).get(1)))[1]).toBe(1);
    await until(() => one.bus.isUp && two.bus.isUp, 'it listens again');
    await remember(one, 1);
  });

  test('a process that hears nothing any more soon asks again', async () => {
    const clock = fakeClock();
    const proxy = await startProxy(server.url);
    try {
      const deaf = await open({ clock, listenUrl: proxy.url });
      origin.rows.set(1, 'old');
      await remember(deaf, 1);
      proxy.blackHole();
      await clock.advance(2_999);
      expect((await asked(deaf, () => deaf.caches.open(plain).get(1)))[1]).toBe(0);
      await clock.advance(1);
      expect(deaf.bus.isUp).toBe(true);
      expect((await asked(deaf, () => deaf.caches.open(plain).get(1)))[1]).toBe(1);
      deaf.bus.close();
    } finally {
      await proxy.close();
    }
  });

  test('no value outlives what Redis holds, or the time it may stay', async () => {
    const clock = fakeClock();
    const held = await open({ clock });
    origin.rows.set(1, 'pot');
    const pass = async (ms: number) => {
      for (let left = ms; left > 0; left -= 1_000) {
        const trusted = held.bus.trustedUntil;
        await clock.advance(Math.min(left, 1_000));
        await until(() => left < 1_000 || held.bus.trustedUntil > trusted, 'a beat came back');
      }
    };
    await remember(held, 1, brief as never);
    await pass(9_000);
    expect((await asked(held, () => held.caches.open(brief).get(1)))[1]).toBe(0);
    await pass(1_000);
    expect((await asked(held, () => held.caches.open(brief).get(1)))[1]).toBe(1);
    await remember(held, 1);
    await pass(53_000);
    expect((await asked(held, () => held.caches.open(plain).get(1)))[1]).toBe(0);
    await pass(7_000);
    expect((await asked(held, () => held.caches.open(plain).get(1)))[1]).toBe(1);
  });
});

describe('tracked by Redis itself', () => {
  const names = createNames('test');
  const nameOf = (id: number) => names.entry('tracked', String(id));
  const read = (process: Process, id: number) => process.caches.open(tracked).get(id);
  /** What a fill of its own makes Redis tell comes behind it: then it is in memory for good. */
  const remembered = (process: Process, id: number) =>
    until(async () => {
      await read(process, id);
      const [, times] = await asked(process, () => read(process, id));
      return times === 0;
    }, 'it is in memory');

  test('a change by any hand is heard of', async () => {
    for (const change of ['del', 'overwrite', 'expire'] as const) {
      const id = { del: 1, overwrite: 2, expire: 3 }[change];
      origin.rows.set(id, { version: 1 });
      await remembered(one, id);
      origin.rows.set(id, { version: 2 });
      const heard: BusNews[] = [];
      const end = one.bus.on((news) => void (news.kind === 'changed' && heard.push(news)));
      const name = nameOf(id);
      if (change === 'del') await one.cacheRedis.del(name);
      else if (change === 'overwrite') await one.cacheRedis.set(name, 'not an entry');
      else await one.cacheRedis.pexpire(name, 1);
      await until(() => heard.length > 0, 'it is told');
      end();
      await until(async () => ((await read(one, id)) as { version: number }).version === 2, change);
    }
  });

  test('others fill and delete as ever; waiters take no fill for a deletion', async () => {
    origin.rows.set(4, { version: 1 });
    origin.hold();
    const all = [read(one, 4), read(two, 4), read(two, 4)];
    await until(() => origin.loads.length === 1, 'it is loaded');
    origin.release();
    expect(await Promise.all(all)).toEqual([{ version: 1 }, { version: 1 }, { version: 1 }]);
    expect(origin.loads).toHaveLength(1);
    await remembered(one, 4);
    origin.rows.set(4, { version: 2 });
    await two.caches.open(tracked).delete(4);
    await until(async () => ((await read(one, 4)) as { version: number }).version === 2, 'it is new');
  });

  test('a subscriber that comes back is told of changes as before', async () => {
    origin.rows.set(5, { version: 1 });
    await remembered(one, 5);
    const news: BusNews[] = [];
    const end = one.bus.on((each) => void news.push(each));
    await one.cacheRedis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => news.some(({ kind }) => kind === 'up'), 'it listens again');
    end();
    await remembered(one, 5);
    origin.rows.set(5, { version: 2 });
    await one.cacheRedis.del(nameOf(5));
    await until(async () => ((await read(one, 5)) as { version: number }).version === 2, 'it is new');
  });
});
