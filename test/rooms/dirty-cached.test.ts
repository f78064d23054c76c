import { Redis } from 'ioredis';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import { key } from '../../src/key.ts';
import { createLog } from '../../src/log.ts';
import { upsert } from '../../src/upsert.ts';
import { redis, startProxy, until } from '../support/index.ts';

/** Cache and buffer in one database of one Redis: what is cached of a key goes in the script that takes a write of it. */
const server = await redis('queue');
const proxy = await startProxy(server.url);

let present = 'old';
let isLoading = false;
let loading: Promise<void> = Promise.resolve();
const base = { origin: defineOrigin('shop'), key: key.number, ttl: '1h' } as const;
const names = defineCache('names', {
  ...base,
  load: async (ids: number[]) => {
    const read = present;
    isLoading = true;
    await loading;
    return new Map(ids.map((id) => [id, read]));
  },
  write: upsert<number, string>({ table: 'item', id: 'id', columns: { name: '*' }, version: 'ver' }),
  writeBehind: { delay: '1h' },
});
const counts = defineCache('counts', {
  ...base,
  load: async (ids: number[]) => new Map(ids.map((id) => [id, 10])),
  write: upsert<number, number>({ table: 'count', id: 'id', columns: { n: '*' }, version: 'ver' }),
  writeBehind: { delay: '1h' },
});
const configOf = (url: string) =>
  defineConfig({
    redis: url,
    queueRedis: url,
    caches: [names, counts],
    access: { record: false },
  });
const log = createLog({ level: 'silent' });
const app = await createClient(configOf(proxy.url), { log });
const other = await createClient(configOf(server.url), { log });
afterAll(async () => {
  proxy.pass();
  await Promise.all([app.stop(), other.stop()]);
  await proxy.close();
});
beforeEach(async () => {
  proxy.pass();
  present = 'old';
  loading = Promise.resolve();
  await server.flush();
  const isBack = () =>
    app
      .cache(counts)
      .increment(1_000)
      .catch(() => undefined);
  await until(isBack, 'the buffer takes writes');
});

/** The write is carried out, and whoever asked for it hears and does nothing more. */
async function lost(write: () => Promise<unknown>): Promise<void> {
  proxy.blackHole('from-server');
  await expect(write()).rejects.toMatchObject({ code: 'E_INDETERMINATE' });
  proxy.cut();
}

test('nobody reads what was cached before a write that was taken', async () => {
  await app.cache(names).get(1);
  expect(await other.cache(names).get(1)).toBe('old');
  await lost(() => app.cache(names).set(1, 'new'));
  expect(await other.cache(names).get(1)).toBe('new');
});

test('nor before an addition', async () => {
  await app.cache(counts).increment(1);
  expect(await other.cache(counts).get(1)).toBe(11);
  await lost(() => app.cache(counts).increment(1, 5));
  expect(await other.cache(counts).get(1)).toBe(16);
});

test('a load that was under way is not stored', async () => {
  isLoading = false;
  let end = () => {};
  loading = new Promise((resolve) => {
    end = resolve;
  });
  const reading = other.cache(names).get(1);
  await until(() => isLoading, 'it asks the origin');
  await lost(() => app.cache(names).set(1, 'new'));
  end();
  expect(await reading).toBe('old');
  expect(await other.cache(names).get(1)).toBe('new');
});

test('many writes at once each forget what is cached of their own key, and of no other', async () => {
  const ids = Array.from({ length: 40 }, (_, i) => i);
  await other.cache(names).getMany(ids);
  const some = ids.filter((id) => id % 3 === 0);
  await lost(() => app.cache(names).setMany(new Map(some.map((id) => [id, `new${id}`]))));
  const entries = await server.client.keys('*names#*:e:*');
  const kept = entries.map((name) => Number(name.split(':e:')[1])).sort((a, b) => a - b);
  expect(kept).toEqual(ids.filter((id) => id % 3 !== 0));
});

test('of writes of two caches in one command only those that are taken forget what is cached', async () => {
  const client = new Redis(server.url);
  try {
    const cachedOf = (cache: string, key: string) => ({
      leases: `${cache}:leases`,
      entry: `${cache}:${key}`,
    });
    const dirty = createRedisDirty(client, { prefix: 'mixed', partitions: 1, cachedOf });
    const write = (cache: string, key: string, more = {}) =>
      dirty.write(
        cache,
        { key, form: { body: '1', flags: 0 }, operation: `${cache}-${key}`, ...more },
        cache === 'b' ? { soft: 1, hard: 1 } : { soft: 10, hard: 10 },
      );
    await write('a', 'known', { isRepeated: true });
    const { word } = await dirty.watch('a', 'watched', 'word');
    const keys = ['known', 'watched', 'overtaken', 'new', 'last'];
    const entries = ['a', 'b'].flatMap((cache) => keys.map((key) => `${cache}:${key}`));
    await client.mset(Object.fromEntries(entries.map((entry) => [entry, 'cached'])));
    for (const cache of ['a', 'b'])
      await client.hset(
        `${cache}:leases`,
        Object.fromEntries(keys.map((key) => [`${cache}:${key}`, 'token'])),
      );
    const told = await Promise.all([
      write('a', 'known', { isRepeated: true }),
      write('b', 'new'),
      write('a', 'overtaken', { watched: 'another' }),
      write('a', 'watched', { watched: word }),
      write('b', 'last'),
      write('a', 'last'),
    ]);
    expect(told.map((each) => (each.kind === 'ok' && each.isKnown ? 'known' : each.kind))).toEqual([
      'known',
      'ok',
      'overtaken',
      'ok',
      'full',
      'ok',
    ]);
    const gone = ['a:watched', 'a:last', 'b:new'];
    const kept = entries.filter((entry) => !gone.includes(entry)).sort();
    expect((await client.keys('[ab]:[^l]*')).concat(await client.keys('[ab]:last')).sort()).toEqual(kept);
    const leases = [...(await client.hkeys('a:leases')), ...(await client.hkeys('b:leases'))];
    expect(leases.sort()).toEqual(kept);
  } finally {
    client.disconnect();
  }
});
