import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

/** What loads read from: it lags behind what the application has written. */
const replica = shop();
const wrote: unknown[] = [];
const base = {
  origin: replica.origin,
  key: key.number,
  ttl: '1h',
  jitter: 0,
  load: (ids: number[]) => replica.load(ids) as Promise<Map<number, string>>,
  holdOff: '1h',
} as const;
const plain = defineCache('plain', base);
const tagged = defineCache('tagged', { ...base, tags: (_, value) => [`tag:${value[0]}`] });
const graced = defineCache('graced', { ...base, grace: '1h' });
const kept = defineCache('kept', { ...base, memory: { maxBytes: 10_000 } });
const brief = defineCache('brief', { ...base, holdOff: 200 });
const through = defineCache('through', {
  ...base,
  mode: 'write-through',
  write: async (entries) => void wrote.push(...entries.values()),
});
const defs = [plain, tagged, graced, kept, brief, through];
const [app, other] = [await counter(defs), await counter(defs)];
const cache = app.caches.open(plain);
const signal = new AbortController().signal;

beforeEach(async () => {
  replica.release();
  await Promise.all([app.caches.settled(), other.caches.settled()]);
  await app.cacheRedis.flushdb();
  await app.queueRedis.flushdb();
  for (const id of [1, 2, 3]) replica.rows.set(id, 'old');
  replica.loads.length = 0;
  wrote.length = 0;
});

/** As when the time is over, in which replicas may lag. */
const catchUp = async () => {
  for (const name of await app.cacheRedis.keys('test:*:h*')) await app.cacheRedis.del(name);
  for (const field of await app.cacheRedis.hkeys('test:tags'))
    if (field.startsWith('h:')) await app.cacheRedis.hset('test:tags', field, '1');
};
const settled = () => Promise.all([app.caches.settled(), other.caches.settled()]);

/** Reads in both processes, once before the replica has heard of the change and once after. */
async function expectNothingOldIsKept(def: typeof plain | typeof tagged | typeof graced): Promise<void> {
  const [here, there] = [app.caches.open(def), other.caches.open(def)];
  expect(await here.get(1)).toBe('old');
  expect([...(await there.getMany([1, 2])).values()]).toEqual(['old', 'old']);
  await settled();
  for (const id of [1, 2]) replica.rows.set(id, 'new');
  expect(await there.get(1)).toBe('new');
  expect([...(await here.getMany([1, 2])).values()]).toEqual(['new', 'new']);
  await settled();
  expect(await here.has(1)).toBe(false);
  await catchUp();
  expect(await here.get(1)).toBe('new');
  await settled();
  expect(await there.has(1)).toBe(true);
  replica.loads.length = 0;
  expect(await there.get(1)).toBe('new');
  expect(replica.loads).toEqual([]);
}

describe('what is loaded so soon after an invalidation is answered, and not kept', () => {
  test('of keys', async () => {
    await cache.getMany([1, 2, 3]);
    await app.caches.invalidate({ cache: 'plain', ids: [1, 2] });
    await expectNothingOldIsKept(plain);
    expect(await cache.has(3)).toBe(true);
    expect(app.told('entry:refused')).toContainEqual({ cache: 'plain', why: 'held-off' });
  });

  test('of all of a cache', async () => {
    await cache.getMany([1, 2]);
    await app.caches.invalidate({ cache: 'plain', all: true });
    await expectNothingOldIsKept(plain);
  });

  test('of tags', async () => {
    const of = app.caches.open(tagged);
    await of.getMany([1, 2]);
    await settled();
    await app.caches.invalidate({ tags: ['tag:o', 'tag:n'] });
    await expectNothingOldIsKept(tagged);
    // Once a load was in vain, the next ones wait for nobody.
    expect(app.told('entry:refused').concat(other.told('entry:refused'))).toContainEqual({
      cache: 'tagged',
      why: 'held-off',
    });
  });

  test('of tags, also when the load began before them', async () => {
    const of = app.caches.open(tagged);
    replica.hold();
    const first = of.get(1);
    await until(() => replica.loads.length === 1, 'it is loading');
    await app.caches.invalidate({ tags: ['tag:o'] });
    replica.release();
    expect(await first).toBe('old');
    await settled();
    expect(await of.get(1)).toBe('old');
    await settled();
    expect(await of.has(1)).toBe(false);
  });

  test('where the older value is served meanwhile', async () => {
    const of = app.caches.open(graced);
    await of.get(1);
    await settled();
    await app.caches.invalidate({ cache: 'graced', ids: [1], mode: 'expire' });
    replica.loads.length = 0;
    expect(await of.get(1)).toBe('old');
    await settled();
    expect(replica.loads).toEqual([]);
    expect(await of.get(1, { maxStale: 0 })).toBe('old');
    await settled();
    replica.rows.set(1, 'new');
    expect(await of.get(1)).toBe('old');
    await catchUp();
    await until(async () => (await of.get(1)) === 'new', 'it is refreshed');
  });

  test('by the process itself either', async () => {
    const of = app.caches.open(kept);
    await of.get(1);
    await of.get(1);
    await of.delete(1);
    expect(await of.get(1)).toBe('old');
    replica.rows.set(1, 'new');
    expect(await of.get(1)).toBe('new');
  });

  test('by who waited for a load that was overtaken', async () => {
    replica.hold();
    const first = cache.get(1);
    await until(() => replica.loads.length === 1, 'it is loading');
    const second = other.caches.open(plain).get(1);
    await until(async () => {
      const leases = await app.cacheRedis.keys('test:{plain#*}:l');
      const all = await Promise.all(leases.map((name) => app.cacheRedis.hvals(name)));
      return all.flat().some((lease) => lease.endsWith(' w'));
    }, 'the other waits');
    await cache.delete(1);
    replica.release();
    expect(await Promise.all([first, second])).toEqual(['old', 'old']);
    await settled();
    expect(await cache.has(1)).toBe(false);
  });
});

test('the time ends by itself', async () => {
  const of = app.caches.open(brief);
  await of.delete(1);
  await until(async () => {
    await of.get(1);
    await settled();
    return of.has(1);
  }, 'it is kept again');
});

describe('background work', () => {
  test.each<[string, { force?: boolean }]>([
    ['a fill', {}],
    ['a fill by force', { force: true }],
  ])('%s leaves it alone and says so', async (_, how) => {
    await cache.delete(1);
    const told = await other.caches.fill('plain', { keys: ['1', '2'], reason: 'warm', signal, ...how });
    expect(told).toMatchObject({ results: ['busy', 'written'], heldOff: 1 });
    expect(replica.loads).toEqual([[2]]);
    await catchUp();
    const again = await other.caches.fill('plain', { keys: ['1'], reason: 'warm', signal, ...how });
    expect(again).toMatchObject({ results: ['written'] });
    expect(again).not.toHaveProperty('heldOff');
  });

  test('a refresh of what was expired waits', async () => {
    const of = app.caches.open(graced);
    await of.get(1);
    await settled();
    await app.caches.invalidate({ cache: 'graced', ids: [1], mode: 'expire' });
    const [age] = await app.caches.ages('graced', ['1']);
    const renew = () =>
      other.caches.fill('graced', { keys: ['1'], renews: [age!.filledAt], reason: 'refresh', signal });
    expect(await renew()).toMatchObject({ results: ['busy'] });
    await catchUp();
    expect(await renew()).toMatchObject({ results: ['written'] });
  });
});

describe('what the application wrote itself', () => {
  test('is stored at once, and what is loaded after it is gone is not', async () => {
    const of = app.caches.open(through);
    await of.get(1);
    // A load that is yet to be stored would have the write forget the entry instead.
    await app.caches.settled();
    await of.set(1, 'new');
    expect(wrote).toEqual(['new']);
    expect(await of.get(1)).toBe('new');
    await of.set(1, 'newer');
    expect(await of.get(1)).toBe('newer');
    // Evicted.
    for (const name of await app.cacheRedis.keys('test:{through#*}:e:1')) await app.cacheRedis.del(name);
    expect(await of.get(1)).toBe('old');
    await settled();
    expect(await of.has(1)).toBe(false);
  });

  test('in the cache alone', async () => {
    await cache.set(1, 'new');
    expect(await cache.get(1)).toBe('new');
    for (const name of await app.cacheRedis.keys('test:{plain#*}:e:1')) await app.cacheRedis.del(name);
    expect(await cache.get(1)).toBe('old');
    await settled();
    expect(await cache.has(1)).toBe(false);
  });
});

test('a cache without it keeps what it loads', async () => {
  const without = defineCache('plain', { ...base, holdOff: 0 });
  const third = await counter([without]);
  const of = third.caches.open(without);
  await of.delete(1);
  await of.get(1);
  await third.caches.settled();
  expect(await of.has(1)).toBe(true);
  expect(await third.cacheRedis.keys('test:*:h*')).toEqual([]);
});
