import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { minuteMs } from '../../src/duration.ts';
import { key } from '../../src/key.ts';
import { fakeClock, startProxy, until } from '../support/index.ts';
import { counter, shop, urls } from './cache-counter.ts';

const origin = shop();
const base = {
  origin: origin.origin,
  key: key.number,
  ttl: '1m',
  jitter: 0,
  load: (ids: number[]) => origin.load(ids),
} as const;
const plain = defineCache('plain', base);
let isBroken = true;
const said = defineCache('said', {
  ...base,
  grace: '1h',
  backoff: 1,
  ttl: (value, id) => {
    if (isBroken && id === 1) throw new Error('no such field');
    return value === 'no length' ? ('soon' as never) : '1m';
  },
});
const tagged = defineCache('tagged', {
  ...base,
  grace: '1h',
  backoff: 1,
  tags: (id) => {
    if (isBroken && id === 1) throw new Error('no such field');
    return ['all'];
  },
});
const defs = [plain, said, tagged];
const clock = fakeClock(Date.now());
const one = await counter(defs, { clock });

beforeEach(async () => {
  await one.caches.settled();
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  isBroken = true;
});

describe.each([
  ['ttl', said],
  ['tags', tagged],
] as const)('`%s` of a definition that throws', (name, def) => {
  const cache = one.caches.open(def);

  test('fails its own key alone, by name, and leaves no lease behind', async () => {
    origin.rows.set(1, 'a').set(2, 'b');
    const settled = await cache.getSettled([1, 2]);
    expect(settled.get(1)).toMatchObject({
      state: 'error',
      error: {
        code: 'E_LOAD_FAILED',
        message: `\`caches.${name === 'ttl' ? 'said' : 'tagged'}.${name}\` failed: no such field`,
      },
    });
    expect(settled.get(2)).toEqual({ state: 'value', value: 'b' });
    await one.caches.settled();
    expect(await one.cacheRedis.keys('*:l')).toEqual([]);
    const report = await one.caches.fill(def.name, {
      keys: ['1', '2'],
      reason: 'refresh',
      force: true,
      signal: AbortSignal.timeout(9_000),
    });
    expect(report.results).toEqual(['failed', 'written']);
    await expect(cache.set(1, 'c')).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
  });

  test('while a stale value is refreshed leaves that one in service', async () => {
    isBroken = false;
    origin.rows.set(1, 'old');
    await cache.get(1);
    await one.caches.settled();
    isBroken = true;
    origin.rows.set(1, 'new');
    await clock.advance(minuteMs + 1);
    expect(await cache.get(1)).toBe('old');
    await one.caches.settled();
    expect(await cache.get(1)).toBe('old');
    isBroken = false;
    await clock.advance(minuteMs);
    await cache.get(1);
    await one.caches.settled();
    expect(await cache.get(1)).toBe('new');
  });
});

test('a ttl that is no length is told, and nothing is stored', async () => {
  origin.rows.set(2, 'no length');
  await expect(one.caches.open(said).get(2)).rejects.toMatchObject({ code: 'E_LOAD_SHAPE' });
  await one.caches.settled();
  expect(await one.cacheRedis.keys('*:{said*')).toEqual([]);
});

test('a read that fails neither deletes the entry nor fails the reader', async () => {
  const proxy = await startProxy(urls().cacheUrl);
  const app = await counter(defs, { cacheUrl: proxy.url });
  origin.rows.set(1, 'old');
  await one.caches.open(plain).get(1);
  await one.caches.settled();
  const [name] = await one.cacheRedis.keys('*:e:1');
  const before = await one.cacheRedis.getBuffer(name!);
  origin.rows.set(1, 'new');
  // The reply to the read is lost with its connection; so is the one to the second try.
  proxy.blackHole('from-server');
  const read = app.caches.open(plain).get(1);
  proxy.cut();
  expect(await read).toBe('new');
  proxy.pass();
  await app.caches.settled();
  await until(() => app.cacheRedis.status === 'ready' && !app.outage.isAway, 'in use again');
  expect(await one.cacheRedis.getBuffer(name!)).toEqual(before);
  expect(await app.caches.open(plain).get(1)).toBe('old');
  app.cacheRedis.disconnect();
  await proxy.close();
});

test('what is no entry of ours costs its readers a load each, and nobody else the cache', async () => {
  origin.rows.set(1, 'one').set(2, 'two');
  const cache = one.caches.open(plain);
  await cache.get(2);
  await one.caches.settled();
  await cache.get(1);
  await one.caches.settled();
  const [name] = await one.cacheRedis.keys('*:e:1');
  await one.cacheRedis.del(name!);
  await one.cacheRedis.hset(name!, 'is', 'not ours');
  origin.loads.length = 0;
  for (let i = 0; i < 10; i++) {
    expect(await cache.get(1)).toBe('one');
    expect(one.outage.isAway).toBe(false);
  }
  expect(await cache.get(2)).toBe('two');
  expect(origin.loads.flat()).not.toContain(2);
  // Deleting it is what its owner asked for.
  await cache.delete(1);
  await cache.get(1);
  await one.caches.settled();
  expect(await one.cacheRedis.type(name!)).toBe('string');
});
