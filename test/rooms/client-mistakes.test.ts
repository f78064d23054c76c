import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import type { Events } from '../../src/events.ts';
import type { CacheClient } from '../../src/facade.ts';
import { key, longestKeyBytes } from '../../src/key.ts';
import { createLog } from '../../src/log.ts';
import { redis, until } from '../support/index.ts';
import { counter } from './cache-counter.ts';

const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');
const origin = defineOrigin('shop', { timeout: '5s' });
const base = { origin, ttl: '1m' } as const;

/** What the loaders below answer with, set by each test. */
let answer: (ids: number[]) => unknown = (ids) => ids;
const loads: unknown[] = [];
const items = defineCache('items', {
  ...base,
  key: key.number,
  maxValueBytes: 1_000,
  load: async (ids) => {
    loads.push(ids);
    return (await answer(ids)) as unknown[];
  },
});
const texts = defineCache('texts', {
  ...base,
  key: key.string,
  load: (ids) => {
    loads.push(ids);
    return ids.map((id) => id.length);
  },
});
const pairs = defineCache('pairs', {
  ...base,
  key: key.json<unknown>(),
  load: (ids) => ids.map((id) => ({ id })),
});
const outer = defineCache('outer', {
  ...base,
  key: key.number,
  load: async (ids): Promise<Map<number, unknown>> => new Map(await inner(ids)),
});
/** What the loader of `outer` asks. */
const inner = (ids: number[]): Promise<Map<number, unknown>> => cache.getMany(ids);
const stray = defineCache('product', { ...base, key: key.number, load: (ids) => ids });

const lines: string[] = [];
const samovar = await createClient(
  {
    redis: cacheRedis.url,
    queueRedis: queueRedis.url,
    commandTimeout: '10s',
    caches: [items, texts, pairs, outer],
    access: { flushEvery: '1h' },
  },
  { log: createLog({ level: 'warn', to: { write: (line) => void lines.push(line) } }) },
);

const refused: Events['entry:refused'][] = [];
samovar.events.on('entry:refused', (event) => refused.push(event));
afterAll(() => samovar.stop());

const cache: CacheClient<number, unknown> = samovar.cache(items);
const stored = async (name: string) => (await cacheRedis.client.keys(`sv:{${name}#*}:e:*`)).length;

beforeEach(async () => {
  await cacheRedis.flush();
  answer = (ids) => ids;
  for (const list of [loads, refused, lines]) list.length = 0;
});

describe('what does not fit', () => {
  test('a cache that is not configured is named, and the one that may be meant', () => {
    expect(() => samovar.cache(stray)).toThrowError(
      expect.objectContaining({ code: 'E_UNKNOWN_CACHE', message: "no cache is called 'product'" }),
    );
    expect(() => samovar.cache({ ...stray, name: 'item' })).toThrowError(
      expect.objectContaining({ hints: ["did you mean 'items'?"] }),
    );
    expect(() => samovar.cache(undefined as never)).toThrowError(
      expect.objectContaining({ code: 'E_UNKNOWN_CACHE' }),
    );
  });

  test('an id of another type is refused before anything is asked', async () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    for (const id of ['7', Number.NaN, null, undefined, {}])
      await expect(cache.get(id as never)).rejects.toMatchObject({ code: 'E_KEY' });
    for (const id of ['', 7, '\ud800'])
      await expect(samovar.cache(texts).get(id as never)).rejects.toMatchObject({ code: 'E_KEY' });
    for (const id of [undefined, () => 1, 1n, circle])
      await expect(samovar.cache(pairs).get(id)).rejects.toMatchObject({ code: 'E_KEY' });
    await expect(cache.getMany([1, '2' as never])).rejects.toMatchObject({ code: 'E_KEY' });
    await expect(cache.delete('7' as never)).rejects.toMatchObject({ code: 'E_KEY' });
    expect(loads).toEqual([]);
  });

  test.each([
    ['nothing', 21, undefined, 'got undefined'],
    ['too short a list', 23, [1], 'got an array of 1 for 2 ids'],
    ['rows of a driver', 25, Object.assign(Object.create({}), { rows: [] }), 'got an object of class Object'],
    ['a text', 27, 'seven', 'got a string'],
  ])('a loader that answers with %s is told what it should answer with', async (_, id, wrong, told) => {
    answer = () => wrong;
    const failure = { code: 'E_LOAD_SHAPE', message: expect.stringContaining(told) };
    await expect(cache.getMany([id, id + 1])).rejects.toMatchObject(failure);
    answer = (ids) => ids;
    await cache.delete([id, id + 1]);
    expect(await cache.get(id)).toBe(id);
  });

  test('a value that JSON cannot hold fails its own read', async () => {
    answer = (ids) => ids.map((id) => (id === 31 ? () => id : id));
    await expect(cache.get(31)).rejects.toMatchObject({ code: 'E_ENCODE' });
    expect(await cache.get(32)).toBe(32);
    expect(refused).toContainEqual({ cache: 'items', why: 'encode' });
  });

  test('a value over `maxValueBytes` is answered, told, and not stored', async () => {
    const long = 'x'.repeat(2_000);
    answer = (ids) => ids.map(() => long);
    expect(await cache.get(61)).toBe(long);
    expect(await cache.get(62)).toBe(long);
    // An earlier test's value may come too late to be stored, too.
    const tooBig = () => refused.filter(({ cache, why }) => cache === 'items' && why === 'too-big');
    await until(() => tooBig().length === 2, 'both are told');
    expect(loads).toHaveLength(2);
    expect(await stored('items')).toBe(0);
  });
});

describe('a key that is too long', () => {
  const long = 'k'.repeat(longestKeyBytes + 1);
  const cache = samovar.cache(texts);

  test('is stored under its hash, and the log says so once', async () => {
    expect(await cache.get(long)).toBe(long.length);
    expect(await cache.get(`${long}k`)).toBe(long.length + 1);
    await until(async () => (await stored('texts')) === 2, 'both are stored');
    expect([...(await cache.getMany([long, 'short']))]).toEqual([
      [long, long.length],
      ['short', 5],
    ]);
    expect(loads).toEqual([[long], [`${long}k`], ['short']]);
    const names = await cacheRedis.client.keys('*');
    expect(Math.max(...names.map((name) => name.length))).toBeLessThan(100);
    expect(lines.filter((line) => line.includes('8,192'))).toHaveLength(1);
    expect(lines.join()).not.toContain('kkkk');
  });

  test('can be deleted, and is no other id', async () => {
    await cache.get(long);
    await until(async () => (await stored('texts')) === 1, 'it is stored');
    const [name] = await cacheRedis.client.keys('*:e:*');
    expect(await cache.get(name!.split(':e:')[1]!)).not.toBe(long.length);
    await samovar.invalidate({ cache: texts, ids: [long] });
    await cache.get(long);
    expect(loads.filter((ids) => (ids as string[])[0] === long)).toHaveLength(2);
  });

  test('is counted, and no plan will name it', async () => {
    await samovar.flushAccesses();
    await queueRedis.flush();
    await cache.get(long);
    await cache.get('short');
    await samovar.flushAccesses();
    const log = JSON.stringify(await queueRedis.client.xrange('sv:access', '-', '+'));
    expect(log).toContain('short');
    expect(log).not.toContain('kkkk');
    expect(() => key.string.decode(key.string.encode(long))).toThrowError(
      expect.objectContaining({ code: 'E_KEY' }),
    );
  });
});

describe('a loader that asks its own cache', () => {
  test('for the key that it loads is told so at once', async () => {
    answer = async ([id]) => [await cache.get(id!)];
    await expect(cache.get(51)).rejects.toMatchObject({
      code: 'E_LOAD_LOOP',
      message: '`caches.items.load` asks for a key that it is loading',
    });
    answer = (ids) => ids;
    expect(await cache.get(51)).toBe(51);
  });

  test('for the key that it loads by a detour is told so, too', async () => {
    answer = async (ids) => [await samovar.cache(outer).get(ids[0]!)];
    await expect(samovar.cache(outer).get(52)).rejects.toMatchObject({ code: 'E_LOAD_LOOP' });
  });

  test('for other keys is served', async () => {
    answer = async (ids) =>
      Promise.all(ids.map(async (id) => (id === 0 ? 0 : Number(await cache.get(id - 1)) + 1)));
    expect(await cache.get(5)).toBe(5);
    expect(loads).toHaveLength(6);
  });

  test('for its key after it has ended is served, whatever else is being loaded', async () => {
    let later: Promise<unknown> | undefined;
    let end = (): void => {};
    let endOther = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    answer = (ids) => {
      if (ids[0] === 82)
        return new Promise((resolve) => {
          endOther = () => resolve(ids);
        });
      later ??= ended.then(() => cache.get(81));
      return ids;
    };
    const other = cache.get(82);
    expect(await cache.get(81)).toBe(81);
    await cache.delete(81);
    await until(() => loads.flat().includes(82), 'another load is under way');
    end();
    expect(await later).toBe(81);
    endOther();
    expect(await other).toBe(82);
  });

  test('is told so when a worker fills the key, too', async () => {
    const worker = await counter([items]);
    answer = async ([id]) => [await worker.caches.open(items).get(id!)];
    const { results, error } = await worker.caches.fill('items', {
      keys: ['91'],
      reason: 'warm',
      signal: new AbortController().signal,
    });
    expect([results, error?.code]).toEqual([['failed'], 'E_LOAD_LOOP']);
  });
});

describe('a caller who leaves', () => {
  test('is let go with the reason of the signal, and the load goes on for the others', async () => {
    const releases: (() => void)[] = [];
    answer = (ids) => new Promise((resolve) => releases.push(() => resolve(ids)));
    const controller = new AbortController();
    const { signal } = controller;
    const leaving = [cache.get(41, { signal }), cache.getMany([41, 42], { signal })];
    const staying = cache.get(41);
    await until(() => loads.flat().length === 2, 'both are being loaded');
    controller.abort(new Error('gone'));
    for (const each of leaving) await expect(each).rejects.toThrow('gone');
    await expect(cache.get(42, { signal })).rejects.toThrow('gone');
    for (const release of releases) release();
    expect(await staying).toBe(41);
    await until(async () => (await stored('items')) === 2, 'what was loaded is stored');
  });
});

describe('many at once', () => {
  test('one that fails does not fail the others', async () => {
    answer = (ids) =>
      new Map(
        ids.filter((id) => id !== 404).map((id) => [id, id === 13 ? new Error('unlucky') : `no. ${id}`]),
      );
    const settled = await cache.getSettled([2, 13, 404, 1, 2, 'x' as never]);
    expect([...settled]).toEqual([
      [2, { state: 'value', value: 'no. 2' }],
      [13, { state: 'error', error: expect.objectContaining({ code: 'E_LOAD_FAILED' }) }],
      [404, { state: 'missing' }],
      [1, { state: 'value', value: 'no. 1' }],
      ['x', { state: 'error', error: expect.objectContaining({ code: 'E_KEY' }) }],
    ]);
    expect(loads).toEqual([[2, 13, 404, 1]]);
    await expect(cache.getMany([1, 13])).rejects.toThrow('`caches.items.load` failed: unlucky');
    await until(async () => (await stored('items')) === 3, 'the others are stored');
  });
});

describe('a client that was stopped', () => {
  test('says so, and lets what is under way end', async () => {
    const own = await createClient({
      redis: cacheRedis.url,
      queueRedis: queueRedis.url,
      caches: [items, outer],
      log: { level: 'silent' },
    });
    const [early, outside] = [own.cache(items), own.cache(outer)];
    expect(await early.get(1)).toBe(1);
    await own.stop();
    for (const late of [
      () => early.get(1),
      () => early.getMany([1]),
      () => early.getSettled([1]),
      () => early.delete(1),
      () => outside.get(1),
      () => own.invalidate({ tags: ['a'] }),
    ])
      await expect(late()).rejects.toMatchObject({ code: 'E_STOPPED' });
    expect(() => own.cache(items)).toThrowError(expect.objectContaining({ code: 'E_STOPPED' }));
    await own.stop();
  });
});
