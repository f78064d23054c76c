import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache, encoded } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop();
const base = { origin: origin.origin, key: key.number, ttl: '1m' } as const;
const products = defineCache('products', { ...base, load: (ids) => origin.load(ids) });
const labelled = defineCache('labelled', {
  ...base,
  load: (ids) => origin.load(ids),
  tags: (_, value) => (value as { tags?: string[] }).tags ?? [],
});
const names = defineCache('names', {
  ...base,
  key: key.string,
  load: (ids) => ids.map((id) => ({ id })),
});
const texts = defineCache('texts', {
  ...base,
  load: (ids) => ids.map((id) => encoded<{ id: number }>(`{"id":${id}}`)),
});
const forgetful = defineCache('forgetful', { ...base, negativeTtl: 0, load: (ids) => origin.load(ids) });
const small = defineCache('small', { ...base, maxValueBytes: 20, load: (ids) => origin.load(ids) });
const pairs = defineCache('pairs', {
  ...base,
  key: key.json<{ a: number; b: number }>(),
  load: (ids) => new Map(ids.map(({ a, b }) => [{ b, a }, a + b])),
});

const defs = [products, labelled, names, texts, forgetful, small, pairs];
const one = await counter(defs);
const two = await counter(defs);
const cache = one.caches.open(products);

beforeEach(async () => {
  await Promise.all([one.caches.settled(), two.caches.settled()]);
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  for (const { hits, misses, fills } of [one, two]) for (const list of [hits, misses, fills]) list.length = 0;
  for (const { told } of [one, two])
    for (const name of ['entry:refused', 'store:failed', 'cache:invalidated'] as const) told(name).length = 0;
});

const sent = new Map<string, number>();
const send = one.cacheRedis.sendCommand.bind(one.cacheRedis);
one.cacheRedis.sendCommand = (command, stream) => {
  sent.set(command.name, (sent.get(command.name) ?? 0) + 1);
  return send(command, stream);
};

describe('a read', () => {
  test('loads once, then is one command', async () => {
    origin.rows.set(1, { name: 'pot' });
    expect(await cache.get(1)).toEqual({ name: 'pot' });
    await one.caches.settled();
    const before = commands();
    expect(await cache.get(1)).toEqual({ name: 'pot' });
    expect(commands()).toEqual({ ...before, mget: (before['mget'] ?? 0) + 1 });
    expect(origin.loads).toEqual([[1]]);
    expect(one.misses).toEqual([{ cache: 'products', key: '1', caller: undefined }]);
    expect(one.hits).toEqual([{ cache: 'products', key: '1', caller: undefined, plan: 0, row: 0 }]);
    expect(one.fills).toEqual([
      { cache: 'products', key: '1', loadMs: expect.any(Number), bytes: 14, tags: [] },
    ]);
  });

  test('is counted for its caller', async () => {
    origin.rows.set(1, 1);
    await cache.get(1, { caller: 'bot' });
    await one.caches.settled();
    await cache.getMany([1, 2], { caller: 'api' });
    expect(one.misses.map(({ key, caller }) => [key, caller])).toEqual([
      ['1', 'bot'],
      ['2', 'api'],
    ]);
    expect(one.hits.map(({ caller }) => caller)).toEqual(['api']);
  });

  test.each([[0], [''], [false], [[]], [{}], ['\u{1f525}'], [1.5], [{ a: { b: [1, 2, { c: null }] } }]])(
    'a value is a hit whatever it is: %j',
    async (value) => {
      origin.rows.set(1, value);
      expect(await cache.get(1)).toEqual(value);
      await one.caches.settled();
      expect(await two.caches.open(products).get(1)).toEqual(value);
      expect([...(await cache.getMany([1, 1]))]).toEqual([[1, value]]);
      expect(origin.loads).toHaveLength(1);
    },
  );

  test('gives the same on a miss as on a hit, and each caller its own', async () => {
    const date = new Date('2026-01-05T00:00:00.000Z');
    origin.rows.set(1, { at: date, list: [1] });
    const missed = (await cache.get(1)) as { at: unknown; list: number[] };
    missed.list.push(2);
    await one.caches.settled();
    const [a, b] = await Promise.all([cache.get(1), cache.get(1)]);
    expect(a).toEqual({ at: date, list: [1] });
    expect(missed.at).toEqual(date);
    expect(missed.at).not.toBe(date);
    expect(a).not.toBe(b);
  });

  test('text that is JSON already passes through', async () => {
    expect(await one.caches.open(texts).get(7)).toEqual({ id: 7 });
    await one.caches.settled();
    expect(await two.caches.open(texts).get(7)).toEqual({ id: 7 });
  });

  test('remembers that there is no such id, shortly, and forgets it on delete', async () => {
    expect(await cache.get(404)).toBeUndefined();
    await one.caches.settled();
    expect(await cache.get(404)).toBeUndefined();
    expect([...(await cache.getMany([404]))]).toEqual([]);
    expect(origin.loads).toEqual([[404]]);
    const [name] = await one.cacheRedis.keys('*e:404');
    expect(await one.cacheRedis.pttl(name!)).toBeLessThanOrEqual(6_000);
    origin.rows.set(404, 'made');
    await cache.delete(404);
    expect(await cache.get(404)).toBe('made');
  });

  test('does not remember missing ids where it is told not to', async () => {
    const forgets = one.caches.open(forgetful);
    expect(await forgets.get(1)).toBeUndefined();
    await one.caches.settled();
    origin.rows.set(1, 'now');
    expect(await forgets.get(1)).toBe('now');
  });

  test('a value that is too long is answered and not stored', async () => {
    origin.rows.set(1, 'x'.repeat(100));
    expect(await one.caches.open(small).get(1)).toBe('x'.repeat(100));
    await one.caches.settled();
    expect(await one.cacheRedis.keys('*small*')).toEqual([]);
    expect(one.told('entry:refused')).toEqual([{ cache: 'small', why: 'too-big' }]);
  });

  const awkward = [
    'with space',
    'a\nb',
    '{}',
    '}{',
    '키\u{1f600}',
    '__proto__',
    'constructor',
    'k'.repeat(8_000),
  ];
  test.each(awkward.map((id) => [id.slice(0, 20), id] as const))('works with the key %j', async (_, id) => {
    const named = one.caches.open(names);
    expect(await named.get(id)).toEqual({ id });
    await one.caches.settled();
    expect(await two.caches.open(names).get(id)).toEqual({ id });
    expect(two.misses).toEqual([]);
    await named.delete([id]);
    expect(await one.cacheRedis.dbsize()).toBe(0);
  });

  test('finds ids that are objects by what they hold', async () => {
    expect(await one.caches.open(pairs).get({ a: 1, b: 2 })).toBe(3);
  });

  test('an id its codec does not take is refused before anything is asked', async () => {
    await expect(cache.get('1' as never)).rejects.toMatchObject({ code: 'E_KEY' });
    await expect(cache.getMany([1, Number.NaN])).rejects.toMatchObject({ code: 'E_KEY' });
    expect(origin.loads).toEqual([]);
  });

  test('a cache that is not configured is named', () => {
    expect(() => one.caches.open(defineCache('product', { ...base, load: () => [] }))).toThrow(
      expect.objectContaining({ code: 'E_UNKNOWN_CACHE', hints: ["did you mean 'products'?"] }),
    );
  });
});

describe('getMany', () => {
  test('answers in the order of the ids, each once, and loads what is missing in one go', async () => {
    for (const id of [1, 2, 3, 4]) origin.rows.set(id, `p${id}`);
    await cache.get(3);
    await one.caches.settled();
    const found = await cache.getMany([4, 3, 9, 4, 1]);
    expect([...found]).toEqual([
      [4, 'p4'],
      [3, 'p3'],
      [1, 'p1'],
    ]);
    expect(origin.loads).toEqual([[3], [4, 9, 1]]);
    expect(one.misses.map(({ key }) => key)).toEqual(['3', '4', '9', '1']);
  });

  test('splits into batches, and takes nothing for nothing', async () => {
    const ids = Array.from({ length: 1_200 }, (_, id) => id);
    for (const id of ids) origin.rows.set(id, id);
    expect([...(await cache.getMany(ids)).values()]).toEqual(ids);
    expect(origin.loads.map((each) => each.length)).toEqual([500, 500, 200]);
    await one.caches.settled();
    expect((await two.caches.open(products).getMany(ids)).size).toBe(1_200);
    expect(origin.loads).toHaveLength(3);
    expect(await cache.getMany([])).toEqual(new Map());
  });

  test('joins what is on its way already', async () => {
    origin.rows.set(1, 'a').set(2, 'b');
    origin.hold();
    const first = cache.get(1);
    await until(() => origin.loads.length === 1, 'the first load runs');
    const both = cache.getMany([1, 2]);
    await until(() => origin.loads.length === 2, 'the second load runs');
    origin.release();
    expect(await first).toBe('a');
    expect([...(await both)]).toEqual([
      [1, 'a'],
      [2, 'b'],
    ]);
    expect(origin.loads).toEqual([[1], [2]]);
  });
});

describe('entries that are of no use', () => {
  const newer = (bytes: Buffer) => {
    bytes.writeUInt8(9, 1);
    return bytes;
  };

  const spoil = async (change: (bytes: Buffer) => Buffer) => {
    origin.rows.set(1, 'good');
    await cache.get(1);
    await one.caches.settled();
    const [name] = await one.cacheRedis.keys('*e:1');
    await one.cacheRedis.set(name!, change((await one.cacheRedis.getBuffer(name!))!), 'KEEPTTL');
    return name!;
  };

  test.each<[string, 'corrupt' | 'version', (bytes: Buffer) => Buffer]>([
    ['garbage', 'corrupt', () => Buffer.from('garbage')],
    ['nothing', 'corrupt', () => Buffer.alloc(0)],
    ['half an entry', 'corrupt', (bytes) => bytes.subarray(0, 30)],
    ['broken JSON', 'corrupt', (bytes) => bytes.subarray(0, bytes.length - 1)],
    ['a newer version', 'version', newer],
  ])('%s is a counted miss, never an error, and mended by the load', async (_, why, change) => {
    await spoil(change);
    expect(await cache.get(1)).toBe('good');
    await one.caches.settled();
    expect(one.told('entry:refused')).toEqual([{ cache: 'products', why }]);
    expect(one.misses).toHaveLength(2);
    expect(await two.caches.open(products).get(1)).toBe('good');
    expect(origin.loads).toHaveLength(2);
  });

  test('are not deleted by those who cannot read them', async () => {
    const name = await spoil(newer);
    origin.hold();
    const reading = cache.get(1);
    await until(() => origin.loads.length === 2, 'it loads');
    expect(await one.cacheRedis.exists(name)).toBe(1);
    origin.release();
    await reading;
  });
});

describe('tags', () => {
  test('an invalidated tag makes its entries misses, and those only', async () => {
    const tagged = one.caches.open(labelled);
    origin.rows
      .set(1, { tags: ['red', 'big'] })
      .set(2, { tags: ['blue'] })
      .set(3, {});
    await tagged.getMany([1, 2, 3]);
    await one.caches.settled();
    expect(await two.caches.invalidate({ tags: ['big', 'unheard of'] })).toEqual({ keys: 0, tags: 2 });
    origin.rows.set(1, { tags: ['green'] });
    expect(await tagged.get(1)).toEqual({ tags: ['green'] });
    await one.caches.settled();
    await one.caches.invalidate({ tags: ['red', 'big'] });
    expect([...(await tagged.getMany([1, 2, 3])).keys()]).toEqual([1, 2, 3]);
    expect(origin.loads).toEqual([[1, 2, 3], [1]]);
    expect(one.fills.map(({ key, tags }) => [key, tags])).toEqual([
      ['1', ['red', 'big']],
      ['2', ['blue']],
      ['3', []],
      ['1', ['green']],
    ]);
  });

  test('entries from before a lost clock are dead, whatever the new one says', async () => {
    const tagged = one.caches.open(labelled);
    origin.rows.set(1, { tags: ['red'] });
    await tagged.get(1);
    await one.caches.settled();
    await one.caches.invalidate({ tags: ['red'] });
    await one.cacheRedis.del('test:tags');
    await one.tags.seq();
    origin.rows.set(1, { tags: [], new: true });
    expect(await tagged.get(1)).toEqual({ tags: [], new: true });
  });

  test('a cache without tags asks no clock', async () => {
    origin.rows.set(1, 1);
    await cache.get(1);
    await one.caches.settled();
    await cache.get(1);
    expect(await one.cacheRedis.exists('test:tags')).toBe(0);
  });
});

test('look tells what is there without reading it as a reader would', async () => {
  origin.rows.set(1, 1);
  await cache.getMany([1, 2]);
  await one.caches.settled();
  const [there, missing, unknown] = await two.caches.look('products', ['1', '2', '3']);
  expect(there).toEqual({ state: 'fresh', freshUntil: expect.any(Number) });
  expect(there!.freshUntil).toBeGreaterThan(Date.now());
  expect(missing!.state).toBe('negative');
  expect(unknown).toEqual({ state: 'missing', freshUntil: 0 });
  expect(two.hits).toEqual([]);
});

test('invalidate removes by ids and by keys, and wants to know of which cache', async () => {
  origin.rows.set(1, 1).set(2, 2);
  await cache.getMany([1, 2]);
  await one.caches.settled();
  expect(await two.caches.invalidate({ cache: 'products', ids: [1], keys: ['1', '2'] })).toEqual({
    keys: 2,
    tags: 0,
  });
  expect(await one.cacheRedis.dbsize()).toBe(0);
  await expect(one.caches.invalidate({ ids: [1] })).rejects.toMatchObject({ code: 'E_USAGE' });
  expect(two.told('cache:invalidated')).toEqual([{ cache: 'products', keys: 2, tags: 0 }]);
});

/** How often this process has sent each command. */
const commands = (): Record<string, number> => Object.fromEntries(sent);

test('who traces the commands of Redis sees those of readers, how they end, too', async () => {
  const seen: string[] = [];
  const note = (name: string) => (told: unknown) => {
    const { command } = told as { command?: string };
    if (command === 'mget') seen.push(name);
  };
  const listeners = ['start', 'asyncEnd'].map(
    (name) => [`tracing:ioredis:command:${name}`, note(name)] as const,
  );
  await cache.get(1);
  for (const [channel, listener] of listeners) subscribe(channel, listener);
  await cache.get(2);
  for (const [channel, listener] of listeners) unsubscribe(channel, listener);
  await cache.get(3);
  expect(seen).toEqual(['start', 'asyncEnd']);
});
