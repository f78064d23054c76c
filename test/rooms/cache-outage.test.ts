import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { nextTurn } from '../../src/clock.ts';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { startProxy, until } from '../support/index.ts';
import { counter, shop, urls } from './cache-counter.ts';

const origin = shop();
const base = { origin: origin.origin, key: key.number, ttl: '1m' } as const;
const products = defineCache('products', { ...base, load: (ids) => origin.load(ids) });
const labelled = defineCache('labelled', { ...base, load: (ids) => origin.load(ids), tags: () => ['all'] });
const near = defineCache('near', {
  ...base,
  load: (ids) => origin.load(ids),
  memory: { maxBytes: 1_000_000 },
});
const defs = [products, labelled, near];

const cacheProxy = await startProxy(urls().cacheUrl);
const queueProxy = await startProxy(urls().queueUrl);
const app = await counter(defs, { cacheUrl: cacheProxy.url, queueUrl: queueProxy.url });
const healthy = await counter(defs);
afterAll(async () => {
  await app.caches.settled();
  await app.outage.stop();
  app.cacheRedis.disconnect();
  app.queueRedis.disconnect();
  await cacheProxy.close();
  await queueProxy.close();
});

beforeEach(async () => {
  origin.release();
  cacheProxy.pass();
  queueProxy.pass();
  await until(() => app.cacheRedis.status === 'ready' && app.queueRedis.status === 'ready', 'connected');
  await until(() => !app.outage.isAway, 'in use');
  await app.caches.settled();
  await healthy.cacheRedis.flushdb();
  await healthy.queueRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  const told = [app.told('store:failed'), app.told('invalidation:kept'), app.told('invalidation:replayed')];
  for (const list of [app.misses, app.hits, ...told]) list.length = 0;
});

const cut = async () => {
  cacheProxy.refuse();
  await until(() => app.cacheRedis.status !== 'ready', 'cut off');
};
const request = (keys: readonly string[]) =>
  ({ keys, reason: 'warm', signal: new AbortController().signal }) as const;

describe.each([['products', products] as const, ['labelled', labelled] as const])(
  'while the cache Redis of %s',
  (name, def) => {
    const cache = app.caches.open(def);

    test('refuses, reads answer from the loader, once per key at a time, and nothing is stored', async () => {
      origin.rows.set(1, 'pot').set(2, 'pan');
      await cut();
      const [a, b, many] = await Promise.all([cache.get(1), cache.get(1), cache.getMany([1, 2, 3])]);
      expect([a, b, [...many]]).toEqual([
        'pot',
        'pot',
        [
          [1, 'pot'],
          [2, 'pan'],
        ],
      ]);
      await app.caches.settled();
      expect(app.misses.map(({ key: missed }) => missed).toSorted()).toEqual(['1', '1', '1', '2', '3']);
      expect(app.told('store:failed').length).toBeGreaterThan(0);
      expect(await healthy.cacheRedis.keys('*:e:*')).toEqual([]);
    });

    test('does not answer, reads come from the loader when a command has had its time', async () => {
      origin.rows.set(1, 'pot');
      cacheProxy.blackHole();
      expect(await cache.get(1)).toBe('pot');
      expect(origin.loads).toEqual([[1]]);
    });

    test('dies between lease and write, the value is answered', async () => {
      origin.rows.set(1, 'pot');
      origin.hold();
      const reading = cache.get(1);
      await until(() => origin.loads.length === 1, 'it loads');
      await cut();
      origin.release();
      expect(await reading).toBe('pot');
      await app.caches.settled();
      cacheProxy.pass();
      await until(() => app.cacheRedis.status === 'ready' && !app.outage.isAway, 'in use again');
      expect(await healthy.cacheRedis.keys('*:e:*')).toEqual([]);
    });

    test('is back, reads are stored and hit again', async () => {
      origin.rows.set(1, 'pot');
      await cut();
      await cache.get(1);
      cacheProxy.pass();
      await until(() => app.cacheRedis.status === 'ready' && !app.outage.isAway, 'in use again');
      await cache.get(1);
      await app.caches.settled();
      expect(await healthy.caches.open(def).get(1)).toBe('pot');
      expect(origin.loads).toEqual([[1], [1]]);
    });

    test('is away, a failed load is still what the caller is told', async () => {
      const ill = defineCache(name, { ...base, load: () => Promise.reject(new Error('also away')) });
      const { caches, cacheRedis } = await counter([ill], { cacheUrl: cacheProxy.url });
      cacheProxy.refuse();
      await until(() => cacheRedis.status !== 'ready', 'cut off');
      await expect(caches.open(ill).get(1)).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
      cacheRedis.disconnect();
    });

    test('is away, a deletion is kept, and done before anything is read again', async () => {
      origin.rows.set(1, 'old').set(2, 'other');
      await healthy.caches.open(def).getMany([1, 2]);
      await healthy.caches.settled();
      await cut();
      origin.rows.set(1, 'new');
      await cache.delete(1);
      expect(app.told('invalidation:kept')).toEqual([{ cache: name, keys: 1, tags: 0, waiting: 1 }]);
      expect(await cache.get(1)).toBe('new');
      cacheProxy.pass();
      await until(() => app.outage.waiting === 0, 'it is carried out');
      expect(app.told('invalidation:replayed')).toEqual([{ keys: 1, tags: 0, caches: 0 }]);
      for (const process of [app, healthy])
        expect([...(await process.caches.open(def).getMany([1, 2]))]).toEqual([
          [1, 'new'],
          [2, 'other'],
        ]);
    });

    test('is away, a value that is set at least leaves no older one behind', async () => {
      origin.rows.set(1, 'old');
      await cache.get(1);
      await app.caches.settled();
      expect(await cache.has(1)).toBe(true);
      await cut();
      origin.rows.set(1, 'new');
      await cache.set(1, 'new');
      expect(await cache.has(1)).toBe(false);
      expect(await cache.get(1)).toBe('new');
      cacheProxy.pass();
      await until(() => app.outage.waiting === 0, 'it is carried out');
      for (const { caches } of [app, healthy]) expect(await caches.open(def).get(1)).toBe('new');
    });

    test.each([
      ['deleted and then set', ['delete', 'set']],
      ['set and then deleted', ['set', 'delete']],
      ['set twice', ['set', 'set']],
    ])('is away, what is %s is never again what it was', async (_, steps) => {
      origin.rows.set(1, 'old');
      await healthy.caches.open(def).get(1);
      await healthy.caches.settled();
      await cut();
      for (const [at, step] of steps.entries()) {
        origin.rows.set(1, `new ${at}`);
        await (step === 'set' ? cache.set(1, `new ${at}`) : cache.delete(1));
        expect(await cache.get(1)).toBe(`new ${at}`);
      }
      expect(app.outage.waiting).toBe(1);
      cacheProxy.pass();
      await until(() => app.outage.waiting === 0, 'it is carried out');
      expect(await healthy.cacheRedis.keys('*:e:1')).toEqual([]);
      for (const { caches } of [healthy, app]) expect(await caches.open(def).get(1)).toBe('new 1');
    });

    test('is away, clearing the cache is kept, too', async () => {
      origin.rows.set(1, 'old');
      await healthy.caches.open(def).get(1);
      await healthy.caches.settled();
      await cut();
      await app.caches.invalidate({ cache: name, all: true });
      origin.rows.set(1, 'new');
      cacheProxy.pass();
      await until(() => app.outage.waiting === 0, 'it is carried out');
      expect(await healthy.caches.open(def).get(1)).toBe('new');
    });

    test('is away, a fill hands its keys back and says why', async () => {
      origin.rows.set(1, 1);
      await cut();
      expect(await app.caches.fill(name, request(['1', '2']))).toMatchObject({
        results: ['planned', 'planned'],
        error: { code: 'E_STORE_UNAVAILABLE' },
      });
      expect(await healthy.queueRedis.keys('*places')).toEqual([]);
    });

    test('is away, the origin is not run over: a bounded number of loads run, the rest waits or is told', async () => {
      await cut();
      let running = 0;
      let most = 0;
      const wide = defineCache(name, {
        ...base,
        load: async (ids) => {
          most = Math.max(most, ++running);
          await nextTurn();
          running -= 1;
          return ids;
        },
      });
      const { caches, cacheRedis } = await counter([wide], { cacheUrl: urls().cacheUrl });
      cacheRedis.disconnect();
      const results = await Promise.allSettled(
        Array.from({ length: 1_100 }, (_, id) => caches.open(wide).get(id)),
      );
      expect(most).toBe(16);
      const refused = results.filter(({ status }) => status === 'rejected');
      expect(refused).toHaveLength(1_100 - 1_016);
      expect(refused[0]).toMatchObject({ reason: { code: 'E_STORE_UNAVAILABLE' } });
    });
  },
);

test('readers never ask the budget: they go on while its Redis is away', async () => {
  origin.rows.set(1, 'pot');
  queueProxy.refuse();
  await until(() => app.queueRedis.status !== 'ready', 'cut off');
  expect(await app.caches.open(products).get(1)).toBe('pot');
  await app.caches.settled();
  expect(await healthy.caches.open(products).get(1)).toBe('pot');
});

test('a tag that is invalidated while Redis is away is dead at once here, and everywhere when it is back', async () => {
  origin.rows.set(1, 'old');
  await healthy.caches.open(labelled).get(1);
  await healthy.caches.settled();
  await cut();
  await app.caches.invalidate({ tags: ['all'] });
  origin.rows.set(1, 'new');
  expect(await app.caches.open(labelled).get(1)).toBe('new');
  cacheProxy.pass();
  await until(() => app.outage.waiting === 0, 'it is carried out');
  expect(await healthy.caches.open(labelled).get(1)).toBe('new');
});

test('more deletions than are kept make the whole cache void, and spare the others', async () => {
  const small = await counter(defs, { cacheUrl: cacheProxy.url, keep: 3 });
  origin.rows.set(1, 'old').set(9, 'old');
  await healthy.caches.open(products).getMany([1, 9]);
  await healthy.caches.open(labelled).get(9);
  await healthy.caches.settled();
  cacheProxy.refuse();
  await until(() => small.cacheRedis.status !== 'ready', 'cut off');
  for (const id of [1, 2, 3, 4, 5]) await small.caches.open(products).delete(id);
  expect(small.outage.waiting).toBe(1);
  origin.rows.set(1, 'new').set(9, 'new');
  cacheProxy.pass();
  await until(() => small.outage.waiting === 0, 'it is carried out');
  expect([...(await healthy.caches.open(products).getMany([1, 9])).values()]).toEqual(['new', 'new']);
  expect(await healthy.caches.open(labelled).get(9)).toBe('old');
});

test('a load that began before a deletion that was kept is not stored when Redis is back in time', async () => {
  origin.rows.set(1, 'old');
  origin.hold();
  const early = app.caches.open(products).get(1);
  await until(() => origin.loads.length === 1, 'it loads under a lease');
  await cut();
  origin.rows.set(1, 'new');
  await app.caches.open(products).delete(1);
  const late = app.caches.open(products).get(1);
  cacheProxy.pass();
  await until(() => app.outage.waiting === 0, 'it is carried out');
  origin.release();
  expect(await early).toBe('old');
  expect(await late).toBe('new');
  await app.caches.settled();
  expect(await healthy.caches.open(products).get(1)).toBe('new');
});

test.each(['from the start', 'after a while'])(
  'a bus whose Redis swallows everything %s stalls no read and no invalidation',
  async (when) => {
    const proxy = await startProxy(urls().cacheUrl);
    if (when === 'from the start') proxy.blackHole();
    const deaf = await counter(defs, { listenUrl: proxy.url });
    deaf.bus.open();
    if (when === 'after a while') {
      await until(() => deaf.bus.isUp, 'it listens');
      proxy.blackHole();
    }
    origin.rows.set(1, 'pot').set(2, 'old');
    const cache = deaf.caches.open(near);
    for (let i = 0; i < 3; i++) {
      expect(await cache.get(2)).toBe('old');
      await deaf.caches.settled();
    }
    // How another process' load ends is not told: it is looked at.
    origin.loads.length = 0;
    origin.hold();
    const first = healthy.caches.open(products).get(1);
    await until(() => origin.loads.length === 1, 'it is loaded elsewhere');
    const waits = [deaf.caches.open(products).get(1), deaf.caches.open(products).getMany([1])] as const;
    origin.release();
    expect(await waits[0]).toBe('pot');
    expect([...(await waits[1]).values()]).toEqual(['pot']);
    expect(await first).toBe('pot');
    const last = () => cache.set(2, 'set');
    for (const invalidate of [
      () => cache.delete(2),
      () => deaf.caches.invalidate({ cache: 'near', all: true }),
      last,
    ]) {
      origin.rows.set(2, 'new');
      await invalidate();
      expect(await cache.get(2)).toBe(invalidate === last ? 'set' : 'new');
    }
    await deaf.caches.invalidate({ tags: ['all'] });
    expect(deaf.told('invalidation:kept')).toEqual([]);
    await deaf.caches.settled();
    deaf.bus.close();
    await proxy.close();
  },
);

test('while Redis is known to be away, reads of one key in one tick are one read', async () => {
  const cache = app.caches.open(products);
  origin.rows.set(1, 'pot');
  await cut();
  await until(async () => {
    await cache.get(2);
    return app.outage.isAway;
  }, 'known to be away');
  await app.caches.settled();
  origin.loads.length = 0;
  app.told('store:failed').length = 0;
  expect(await Promise.all([cache.get(1), cache.get(1), cache.get(1)])).toEqual(['pot', 'pot', 'pot']);
  expect(origin.loads).toHaveLength(1);
  expect(app.told('store:failed')).toHaveLength(1);
});
