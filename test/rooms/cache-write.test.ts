import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop({ timeout: '300ms' });
let write: (entries: ReadonlyMap<number, unknown>, signal: AbortSignal) => Promise<unknown>;
const base = { origin: origin.origin, key: key.number, ttl: '1m' } as const;
const products = defineCache('products', {
  ...base,
  load: (ids) => origin.load(ids),
  write: (entries, { signal }) => write(entries, signal),
});
const readOnly = defineCache('readOnly', { ...base, load: (ids) => origin.load(ids) });
const fleeting = defineCache('fleeting', {
  ...base,
  load: async (ids) => (await origin.load(ids)) as Map<number, { for: number }>,
  ttl: (value) => value.for,
});
const defs = [products, readOnly, fleeting];
const one = await counter(defs);
const two = await counter(defs);
const cache = one.caches.open(products);

beforeEach(async () => {
  origin.release();
  await Promise.all([one.caches.settled(), two.caches.settled()]);
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  write = async (entries) => {
    for (const [id, value] of entries) origin.rows.set(id, value);
  };
});
const stored = async () => (await one.cacheRedis.keys('*:e:*')).length;

describe('a write', () => {
  test('reaches the origin, and the next read gets what the origin made of it', async () => {
    origin.rows.set(1, 'old');
    expect(await cache.get(1)).toBe('old');
    await until(async () => (await stored()) === 1, 'it is stored');
    write = async (entries) => {
      for (const [id, value] of entries) origin.rows.set(id, `${value} and checked`);
    };
    await cache.write(1, 'new');
    expect(await cache.get(1)).toBe('new and checked');
    expect(await two.caches.open(products).get(1)).toBe('new and checked');
  });

  test('keeps a load that read before it from storing what it read, here and elsewhere', async () => {
    for (const { caches } of [one, two]) {
      origin.rows.set(1, 'old');
      origin.hold();
      const reading = caches.open(products).get(1);
      await until(() => origin.loads.length > 0, 'the old value is read');
      await cache.write(1, 'new');
      origin.release();
      expect(['old', 'new']).toContain(await reading);
      await caches.settled();
      expect(await cache.get(1)).toBe('new');
      await cache.delete(1);
      origin.loads.length = 0;
    }
  });

  test('that fails says so, and nothing is taken for known', async () => {
    origin.rows.set(1, 'old');
    await cache.get(1);
    await until(async () => (await stored()) === 1, 'it is stored');
    write = async () => {
      origin.rows.set(1, 'half');
      throw new Error('disk full');
    };
    await expect(cache.write(1, 'new')).rejects.toMatchObject({
      code: 'E_WRITE_FAILED',
      message: '`caches.products.write` failed: disk full',
    });
    expect(await cache.get(1)).toBe('half');
  });

  test('is not waited for longer than the origin is given', async () => {
    let given: AbortSignal | undefined;
    write = (_, signal) => {
      given = signal;
      return new Promise(() => {});
    };
    await expect(cache.write(1, 'new')).rejects.toMatchObject({ code: 'E_WRITE_FAILED' });
    expect(given?.aborted).toBe(true);
  });

  test('needs a `write`, an id and a value', async () => {
    await expect(one.caches.open(readOnly).write(1, 'new')).rejects.toMatchObject({ code: 'E_CONFIG' });
    await expect(cache.write('1' as never, 'new')).rejects.toMatchObject({ code: 'E_KEY' });
    await expect(cache.write(1, undefined)).rejects.toMatchObject({ code: 'E_ENCODE' });
    expect(origin.rows.size).toBe(0);
  });
});

describe('a value that is fresh for no time', () => {
  test('is answered and not stored, here and by a worker', async () => {
    origin.rows.set(1, { for: 0 });
    origin.rows.set(2, { for: 60_000 });
    const brief = one.caches.open(fleeting);
    expect(await brief.get(1)).toEqual({ for: 0 });
    expect(await brief.get(1)).toEqual({ for: 0 });
    expect([...(await brief.getMany([1, 2]))]).toHaveLength(2);
    const { results } = await one.caches.fill('fleeting', {
      keys: ['1', '2'],
      reason: 'warm',
      signal: new AbortController().signal,
    });
    expect(results[0]).toBe('missing');
    await one.caches.settled();
    expect((await one.cacheRedis.keys('*:e:*')).map((name) => name.at(-1))).toEqual(['2']);
  });

  test('takes the place of one that was', async () => {
    origin.rows.set(1, { for: 60_000 });
    const brief = one.caches.open(fleeting);
    await brief.get(1);
    await one.caches.settled();
    origin.rows.set(1, { for: 0 });
    await one.caches.fill('fleeting', {
      keys: ['1'],
      reason: 'refresh',
      force: true,
      signal: new AbortController().signal,
    });
    expect(await stored()).toBe(0);
  });
});
