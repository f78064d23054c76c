import { beforeEach, describe, expect, test } from 'vitest';
import { type AnyCacheDef, type CacheDef, defineCache } from '../../src/define.ts';
import { until } from '../support/index.ts';
import { type Counter, counter, shop, soldBy } from './cache-counter.ts';

const origin = shop();
const base = soldBy(origin);
const labelled = defineCache('labelled', { ...base, tags: (id) => ['all', `id:${id}`] });
const users = defineCache('users', base);
const siblings = ['usersAbc', 'users-abc', 'user', 'Users'].map((name) => defineCache(name, base));
const defs = [labelled, users, ...siblings];
const one = await counter(defs);
const two = await counter(defs);

beforeEach(async () => {
  await Promise.all([one.caches.settled(), two.caches.settled()]);
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
});

/** Names of the commands that are sent while something is done. */
async function sentBy(app: Counter, work: () => Promise<unknown>): Promise<string[]> {
  const { cacheRedis: redis } = app;
  const names: string[] = [];
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    names.push(command.name.toLowerCase());
    return send(command, stream);
  };
  try {
    await work();
  } finally {
    redis.sendCommand = send;
  }
  return names;
}
const stored = async (app: Counter, def: AnyCacheDef) =>
  (await app.cacheRedis.keys(`*:{${def.name}#*}:e:*`)).length;
/** Reads ids until all of them are stored: a busy machine may not get them all written in their time. */
const storeAll = async (app: Counter, def: CacheDef<string, number, unknown>, ids: readonly number[]) => {
  for (const id of ids) origin.rows.set(id, 'old');
  await until(async () => {
    for (let from = 0; from < ids.length; from += 1_000)
      await app.caches.open(def).getMany(ids.slice(from, from + 1_000));
    await app.caches.settled();
    return (await stored(app, def)) === ids.length;
  }, 'all are stored');
};
const many = Array.from({ length: 10_000 }, (_, id) => id);

describe('invalidating', () => {
  test('a tag of ten thousand entries is one command, which touches none of them', async () => {
    await storeAll(one, labelled, many);
    const sent = await sentBy(two, () => two.caches.invalidate({ tags: ['all'] }));
    expect(sent).toEqual(['evalsha']);
    expect(await stored(one, labelled)).toBe(many.length);
    for (const id of many) origin.rows.set(id, 'new');
    for (let from = 0; from < many.length; from += 1_000) {
      const found = await one.caches.open(labelled).getMany(many.slice(from, from + 1_000));
      expect(found.size).toBe(1_000);
      expect(new Set(found.values())).toEqual(new Set(['new']));
    }
  });

  test('thousands of tags in one call', async () => {
    const some = many.slice(0, 3_000);
    await storeAll(one, labelled, [...some, 5_000]);
    for (const id of [...some, 5_000]) origin.rows.set(id, 'new');
    await two.caches.invalidate({ tags: some.map((id) => `id:${id}`) });
    expect(new Set((await one.caches.open(labelled).getMany(some)).values())).toEqual(new Set(['new']));
    expect(await one.caches.open(labelled).get(5_000)).toBe('old');
  });

  test('reaches an entry whose end somebody took away; none is written without one', async () => {
    origin.rows.set(1, 'old');
    await one.caches.open(labelled).getMany([1, 404]);
    await one.caches.settled();
    const names = await one.cacheRedis.keys('*:e:*');
    expect(names).toHaveLength(2);
    for (const name of names) expect(await one.cacheRedis.pttl(name)).toBeGreaterThan(0);
    for (const name of names) await one.cacheRedis.persist(name);
    origin.rows.set(1, 'new');
    await two.caches.invalidate({ tags: ['id:1'] });
    expect(await one.caches.open(labelled).get(1)).toBe('new');
    await one.caches.settled();
    // A missing id carries no tags: it is deleted by its key.
    origin.rows.set(404, 'made');
    await two.caches.open(labelled).delete(404);
    expect(await one.caches.open(labelled).get(404)).toBe('made');
  });
});

describe('a deploy that changes the tags of a cache', () => {
  const next = defineCache('labelled', { ...base, tags: () => ['next'] });
  const untagged = defineCache('labelled', base);

  test('leaves entries the tags they were stored with; what is stored from then on has the new ones', async () => {
    const after = await counter([next]);
    origin.rows.set(1, 'old').set(2, 'old');
    await one.caches.open(labelled).get(1);
    await after.caches.open(next).get(2);
    await Promise.all([one.caches.settled(), after.caches.settled()]);
    origin.rows.set(1, 'new').set(2, 'new');
    await after.caches.invalidate({ tags: ['next'] });
    expect([...(await after.caches.open(next).getMany([1, 2])).values()]).toEqual(['old', 'new']);
    await one.caches.invalidate({ tags: ['all'] });
    expect(await after.caches.open(next).get(1)).toBe('new');
  });

  test('to have some where there were none takes no old entry for tagged', async () => {
    const before = await counter([untagged]);
    origin.rows.set(1, 'old');
    await before.caches.open(untagged).get(1);
    await before.caches.settled();
    origin.rows.set(1, 'new');
    expect(await one.caches.open(labelled).get(1)).toBe('new');
  });

  test('to have none where there were some still drops what was invalidated by them', async () => {
    const after = await counter([untagged]);
    origin.rows.set(1, 'old');
    await one.caches.open(labelled).get(1);
    await one.caches.settled();
    origin.rows.set(1, 'new');
    await one.caches.invalidate({ tags: ['all'] });
    expect(await after.caches.open(untagged).get(1)).toBe('new');
  });
});

describe('clearing a cache', () => {
  const fill = async (app: Counter) => {
    for (const def of [users, ...siblings]) await app.caches.open(def).get(1);
    await app.caches.settled();
  };

  test('spares those whose names begin alike', async () => {
    origin.rows.set(1, 'old');
    await fill(one);
    origin.rows.set(1, 'new');
    await two.caches.invalidate({ cache: 'users', all: true });
    expect(await one.caches.open(users).get(1)).toBe('new');
    for (const def of siblings) expect(await one.caches.open(def).get(1)).toBe('old');
  });

  test('spares other prefixes, and what else is in Redis', async () => {
    const others = await Promise.all(['test2', 'tes', 'test.a'].map((prefix) => counter(defs, { prefix })));
    const strangers = ['users', 'test', 'users#0:e:1', '{users#0}:e:1', 'x:{users#0}:e:1'];
    for (const name of strangers) await one.cacheRedis.set(name, 'theirs');
    origin.rows.set(1, 'old');
    for (const app of [one, ...others]) await fill(app);
    origin.rows.set(1, 'new');
    await two.caches.invalidate({ cache: 'users', all: true });
    await two.caches.invalidate({ tags: ['all'] });
    expect(await one.caches.open(users).get(1)).toBe('new');
    for (const { caches } of others) expect(await caches.open(users).get(1)).toBe('old');
    expect(await one.cacheRedis.mget(strangers)).toEqual(strangers.map(() => 'theirs'));
  });

  test('is a few commands whatever its size, none of which walks through Redis', async () => {
    await storeAll(one, users, many);
    const sent = await sentBy(two, () => two.caches.invalidate({ cache: 'users', all: true }));
    expect(sent).toEqual(['evalsha', 'evalsha']);
  });
});
