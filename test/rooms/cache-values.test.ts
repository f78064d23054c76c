import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineCache, encoded } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop();
const base = {
  origin: origin.origin,
  key: key.number,
  ttl: '1m',
  maxValueBytes: 4_000_000,
  // As they are: a clone of bytes would be of another class.
  load: async (ids: number[]) => {
    origin.loads.push(ids);
    return new Map(ids.flatMap((id) => (origin.rows.has(id) ? [[id, origin.rows.get(id)]] : [])));
  },
} as const;
const json = defineCache('json', base);
const msgpack = defineCache('msgpack', { ...base, codec: 'msgpack' });
const own = defineCache('own', {
  ...base,
  codec: {
    encode: (value) => `v1:${JSON.stringify(value)}`,
    decode: (bytes) => {
      if (bytes.toString('utf8', 0, 3) !== 'v1:') throw new Error('not ours');
      return JSON.parse(bytes.toString('utf8', 3));
    },
  },
});
const squeezed = defineCache('squeezed', { ...base, compressAbove: 100 });
const squeezedPack = defineCache('squeezed-pack', { ...base, codec: 'msgpack', compressAbove: 100 });
const product = z
  .object({ name: z.string(), cents: z.number().optional(), price: z.number().optional() })
  .transform(({ name, cents, price }) => ({ name, cents: cents ?? (price ?? 0) * 100 }));
const checked = defineCache('checked', {
  ...base,
  schema: product,
  load: async (ids) => (await origin.load(ids)) as Map<number, { name: string; cents: number }>,
});
const later = defineCache('later', {
  ...base,
  schema: {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => (value === 'bad' ? { issues: [{ message: 'it is bad' }] } : { value }),
    },
  },
});
/** A cache of this name, as an earlier version of the application defined it. */
const named = (name: string) => defineCache(name, base);
const defs = [json, msgpack, own, squeezed, squeezedPack, checked, later];
const one = await counter(defs);
const two = await counter(defs);
const settled = () => Promise.all([one.caches.settled(), two.caches.settled()]);

beforeEach(async () => {
  await settled();
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  for (const { told } of [one, two]) told('entry:refused').length = 0;
});

const deep = (depth: number): unknown => (depth === 0 ? [new Date(5)] : { down: deep(depth - 1) });
const long = { text: 'a long text of words, words and words '.repeat(30_000), at: 1 };
const noise = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7_919 + (i >> 3) * 104_729) % 251));

describe.each([[json], [msgpack], [squeezed], [squeezedPack]] as const)('$name', (def) => {
  test.each<[string, unknown]>([
    ['null', null],
    ['zero', 0],
    ['an empty text', ''],
    ['false', false],
    ['a date', new Date('2026-01-05T00:00:00Z')],
    ['a big integer', 2n ** 60n],
    ['bytes', { is: noise }],
    ['a map', { of: new Map([['a', new Map([['b', 1]])]]) }],
    ['a set', new Set(['a', 1])],
    ['an undefined field', { a: undefined, b: 1 }],
    ['NaN', Number.NaN],
    ['a megabyte', long],
    ['something deep', deep(50)],
    ['awkward keys', JSON.parse('{"__proto__":{"a":1},"constructor":2,"":3}')],
  ])('brings back %s, on a miss as on a hit, in every process', async (_, value) => {
    const cache = one.caches.open(def);
    await cache.set(2, value);
    origin.rows.set(1, value);
    expect(await cache.get(1)).toEqual(value);
    await settled();
    for (const { caches } of [one, two]) {
      expect(await caches.open(def).get(1)).toEqual(value);
      const many = await caches.open(def).getMany([1, 2]);
      expect([...many.values()]).toEqual([value, value]);
    }
    expect(origin.loads).toEqual([[1]]);
    expect(one.told('entry:refused')).toEqual([]);
  });

  test('gives each caller a value of its own', async () => {
    origin.rows.set(1, { list: [1], bytes: Buffer.from('abc') });
    const cache = one.caches.open(def);
    const read = async () => (await cache.get(1)) as { list: number[]; bytes: Buffer };
    const [a, b] = await Promise.all([read(), read()]);
    await settled();
    const c = await read();
    for (const each of [a, b, c]) {
      expect(each).toEqual({ list: [1], bytes: Buffer.from('abc') });
      each.list.push(2);
      each.bytes.fill(0);
    }
    expect(await read()).toEqual({ list: [1], bytes: Buffer.from('abc') });
  });
});

describe('compression', () => {
  const stored = async (id: number) => {
    const bytes = await one.cacheRedis.getBuffer((await one.cacheRedis.keys(`*e:${id}`))[0]!);
    return bytes!.length;
  };

  test('is for what is long and becomes shorter', async () => {
    const cache = one.caches.open(squeezed);
    await cache.set(1, long);
    await cache.set(2, 'short');
    await one.caches.open(squeezedPack).set(3, Buffer.from(noise.map((byte, i) => byte ^ (i * i))));
    expect(await stored(1)).toBeLessThan(20_000);
    expect(await stored(2)).toBeLessThan(60);
  });

  test('is not a way around the bound of a value: what would inflate beyond it is a miss', async () => {
    const strict = await counter([
      defineCache('squeezed', { ...base, compressAbove: 100, maxValueBytes: 500 }),
    ]);
    await one.caches.open(squeezed).set(1, 'x'.repeat(100_000));
    origin.rows.set(1, 'loaded');
    expect(await strict.caches.open(squeezed).get(1)).toBe('loaded');
    expect(strict.told('entry:refused')).toEqual([{ cache: 'squeezed', why: 'corrupt' }]);
  });
});

test('a codec of its own, and bytes that another one wrote', async () => {
  await one.caches.open(own).set(1, { a: 1 });
  expect(await two.caches.open(own).get(1)).toEqual({ a: 1 });
  const before = await counter([defineCache('own', base)]);
  origin.rows.set(1, 'loaded');
  expect(await before.caches.open(named('own')).get(1)).toBe('loaded');
  expect(before.told('entry:refused')).toEqual([{ cache: 'own', why: 'corrupt' }]);
});

describe('a schema', () => {
  test('turns what is stored in an older shape into the present one', async () => {
    const before = await counter([defineCache('checked', base)]);
    await before.caches.open(named('checked')).set(1, { name: 'pot', price: 2 });
    const cache = one.caches.open(checked);
    expect(await cache.get(1)).toEqual({ name: 'pot', cents: 200 });
    expect([...(await cache.getMany([1])).values()]).toEqual([{ name: 'pot', cents: 200 }]);
    expect(origin.loads).toEqual([]);
  });

  test.each([[checked], [later]] as const)('makes a miss of what does not fit: $name', async (def) => {
    const before = await counter([defineCache(def.name, base)]);
    const wrong = def === checked ? { price: 2 } : 'bad';
    await before.caches.open(named(def.name)).set(1, wrong);
    origin.rows.set(1, { name: 'pan', cents: 5 });
    expect(await one.caches.open(named(def.name)).get(1)).toEqual({ name: 'pan', cents: 5 });
    expect(one.told('entry:refused')).toEqual([{ cache: def.name, why: 'schema' }]);
    await settled();
    expect(await two.caches.open(named(def.name)).get(1)).toEqual({ name: 'pan', cents: 5 });
    expect(origin.loads).toEqual([[1]]);
  });

  test('refuses what the loader brings, for that key alone', async () => {
    origin.rows.set(1, { name: 'pot', cents: 1 }).set(2, { cents: 1 });
    const found = await one.caches.open(checked).getSettled([1, 2]);
    expect(found.get(1)).toEqual({ state: 'value', value: { name: 'pot', cents: 1 } });
    expect(found.get(2)).toMatchObject({ state: 'error', error: { code: 'E_LOAD_SHAPE' } });
    await settled();
    const fill = { keys: ['1', '2'], reason: 'warm', signal: new AbortController().signal } as const;
    expect((await one.caches.fill('checked', fill)).results).toEqual(['fresh', 'failed']);
    await expect(one.caches.open(checked).set(1, {} as never)).rejects.toMatchObject({ code: 'E_ENCODE' });
  });
});

test('text that is JSON already is stored as it came, whatever the codec', async () => {
  const texts = defineCache('texts', {
    ...base,
    codec: 'msgpack',
    load: (ids: number[]) => ids.map((id) => encoded<{ id: number }>(`{"id": ${id}}`)),
  });
  const { caches, cacheRedis } = await counter([texts]);
  expect(await caches.open(texts).get(7)).toEqual({ id: 7 });
  await caches.settled();
  const [name] = await cacheRedis.keys('*e:7');
  expect((await cacheRedis.get(name!))!.endsWith('{"id": 7}')).toBe(true);
});
