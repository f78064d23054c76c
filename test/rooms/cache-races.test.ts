import { beforeEach, describe, expect, test } from 'vitest';
import { type CacheDef, defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { fakeClock, until } from '../support/index.ts';
import { type Counter, counter, shop } from './cache-counter.ts';

const origin = shop({ timeout: '2s' });
const base = { origin: origin.origin, key: key.number, ttl: '1m' } as const;
const products = defineCache('products', {
  ...base,
  load: (ids) => origin.load(ids),
  tags: (id) => ['all', `id:${id}`],
});
const plain = defineCache('plain', { ...base, load: (ids) => origin.load(ids) });
const forgetful = defineCache('forgetful', { ...base, negativeTtl: 0, load: (ids) => origin.load(ids) });
const defs = [products, plain, forgetful];
const one = await counter(defs);
const two = await counter(defs);

beforeEach(async () => {
  origin.release();
  await Promise.all([one.caches.settled(), two.caches.settled()]);
  await one.cacheRedis.flushdb();
  await one.queueRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  one.told('entry:refused').length = 0;
});

const loading = (times = 1) => until(() => origin.loads.length >= times, `load ${times} is under way`);

/** How a value can be made invalid from another process. */
const invalidations: [string, () => Promise<unknown>][] = [
  ['deleted', () => two.caches.open(products).delete([1, 2])],
  ['invalidated by keys', () => two.caches.invalidate({ cache: 'products', keys: ['1', '2'] })],
  ['invalidated by a tag known only once it is loaded', () => two.caches.invalidate({ tags: ['all'] })],
  ['cleared with all of its cache', () => two.caches.invalidate({ cache: 'products', all: true })],
  ['flushed away', () => two.cacheRedis.flushdb()],
];
/** Who may be loading it meanwhile. */
const loaders: [string, (by: Counter) => Promise<unknown>][] = [
  ['a read', (by) => Promise.all([by.caches.open(products).get(1), by.caches.open(products).get(2)])],
  ['a read of many', (by) => by.caches.open(products).getMany([1, 2])],
  [
    'a warm',
    (by) =>
      by.caches.fill('products', { keys: ['1', '2'], reason: 'warm', signal: AbortSignal.timeout(9_000) }),
  ],
  [
    'a refresh',
    (by) =>
      by.caches.fill('products', {
        keys: ['1', '2'],
        reason: 'refresh',
        force: true,
        signal: AbortSignal.timeout(9_000),
      }),
  ],
];

describe.each(invalidations)('a key that is %s', (_, invalidate) => {
  test.each(loaders)('while %s loads it never shows its old value again', async (_, load) => {
    origin.rows.set(1, 'old').set(2, 'old');
    origin.hold();
    const slow = load(one);
    await until(() => origin.loads.flat().length === 2, 'both are being loaded');
    origin.rows.set(1, 'new').set(2, 'new');
    await invalidate();
    // Begun after the invalidation: must not be served by the load that began before it, in whichever process.
    const late = [one, two].map((process) => process.caches.open(products).get(1));
    origin.release();
    await slow;
    expect(await Promise.all(late)).toEqual(['new', 'new']);
    await one.caches.settled();
    for (const process of [one, two])
      expect([...(await process.caches.open(products).getMany([1, 2])).values()]).toEqual(['new', 'new']);
  });
});

test('what one piece of a large write has stored is not vouched for until the last piece is stored', async () => {
  for (let id = 1; id <= 300; id++) origin.rows.set(id, 'old');
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let pieces = 0;
  const paced = await counter(defs, {
    around: (store) => ({
      ...store,
      // The last pieces of the write are held up on their way.
      commit: (batch, drafts, options) =>
        store.commit(batch, drafts, {
          ...options,
          pace: {
            pieceBytes: 2_000,
            run: async (send) => {
              pieces += 1;
              if (pieces > 1) await held;
              return send();
            },
          },
        }),
    }),
  });
  const cache = paced.caches.open(plain);
  const ids = [...origin.rows.keys()];
  const many = cache.getMany(ids);
  const written = await until(async () => {
    const looks = await two.caches.look('plain', ids.map(String));
    const first = looks.findIndex(({ state }) => state === 'fresh');
    return first >= 0 && { id: ids[first]! };
  }, 'the first piece is written');
  origin.rows.set(written.id, 'new');
  await two.caches.open(plain).delete(written.id);
  const late = cache.get(written.id);
  await until(() => origin.loads.length === 2, 'it is loaded again');
  release();
  expect(await late).toBe('new');
  expect((await many).size).toBe(300);
  expect(await cache.get(written.id)).toBe('new');
});

test('an entry that was there is not brought back either by who read it before', async () => {
  origin.rows.set(1, 'old');
  await one.caches.open(products).get(1);
  await one.caches.settled();
  origin.rows.set(1, 'new');
  await two.caches.open(products).delete(1);
  expect(await one.caches.open(products).get(1)).toBe('new');
});

test('a missing id that is not remembered and then made is found by who asks afterwards', async () => {
  origin.hold();
  const early = one.caches.open(forgetful).get(1);
  await loading();
  origin.rows.set(1, 'made');
  await two.caches.open(forgetful).delete(1);
  const late = one.caches.open(forgetful).get(1);
  origin.release();
  expect(await Promise.all([early, late])).toEqual([undefined, 'made']);
});

describe('single flight', () => {
  test('a hundred callers in two processes are one load', async () => {
    origin.rows.set(1, 'pot');
    origin.hold();
    const all = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? one : two).caches.open(plain).get(1));
    await loading();
    origin.release();
    expect(new Set(await Promise.all(all))).toEqual(new Set(['pot']));
    expect(origin.loads).toEqual([[1]]);
  });

  test.each([
    ['throws', () => Promise.reject(new Error('out of order')), 'E_LOAD_FAILED'],
    ['answers nonsense', async () => 5 as never, 'E_LOAD_SHAPE'],
    ['brings what cannot be stored', async () => [Symbol('x')], 'E_ENCODE'],
  ])('a load that %s is told to all who wait, and never runs twice at once', async (_, load, code) => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const failing = defineCache('failing', {
      ...base,
      async load() {
        runs += 1;
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return load();
      },
    });
    const { caches } = await counter([failing]);
    const cache = caches.open(failing);
    for (let wave = 0; wave < 5; wave++) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => cache.get(1)));
      for (const each of results) expect(each).toMatchObject({ status: 'rejected', reason: { code } });
    }
    await caches.settled();
    expect(most).toBe(1);
    expect(runs).toBe(5);
    expect(await one.cacheRedis.dbsize()).toBe(0);
  });

  test('a failed load says why, and the next one may succeed at once', async () => {
    let isIll = true;
    const moody = defineCache('moody', {
      ...base,
      load: (ids) => {
        if (isIll) throw new Error('connection refused');
        return ids;
      },
    });
    const { caches } = await counter([moody]);
    await expect(caches.open(moody).get(1)).rejects.toMatchObject({
      code: 'E_LOAD_FAILED',
      message: '`caches.moody.load` failed: connection refused',
      cause: expect.objectContaining({ message: 'connection refused' }),
    });
    isIll = false;
    expect(await caches.open(moody).get(1)).toBe(1);
  });

  test('one bad id fails alone', async () => {
    const poisoned = defineCache('poisoned', {
      ...base,
      load: (ids) => {
        if (ids.includes(7)) throw new Error('bad id');
        return new Map(ids.map((id) => [id, id === 8 ? () => {} : id]));
      },
    });
    const { caches } = await counter([poisoned]);
    const cache = caches.open(poisoned);
    await expect(cache.getMany([1, 7, 8, 9])).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
    await caches.settled();
    expect((await caches.look('poisoned', ['1', '7', '8', '9'])).map(({ state }) => state)).toEqual([
      'fresh',
      'missing',
      'missing',
      'fresh',
    ]);
    await expect(cache.get(8)).rejects.toMatchObject({ code: 'E_ENCODE' });
  });

  test('a loader that reads other keys and caches does not block itself', async () => {
    const nested: CacheDef<'nested', number, unknown> = defineCache('nested', {
      ...base,
      load: async (ids: number[]): Promise<Map<number, unknown>> =>
        new Map(
          await Promise.all(
            ids.map(
              async (id) =>
                [
                  id,
                  id === 0 ? await caches.open(plain).get(1) : [await caches.open(nested).get(id - 1)],
                ] as const,
            ),
          ),
        ),
    });
    const { caches } = await counter([nested, plain]);
    origin.rows.set(1, 'deep');
    expect(await caches.open(nested).get(3)).toEqual([[['deep']]]);
  });
});

describe('a lease that somebody else holds', () => {
  const take = (ms: number) => two.store.begin('plain', ['1'], { token: 'elsewhere', ms }, { want: 'head' });

  test('is waited for: the entry that comes is the answer', async () => {
    origin.rows.set(1, 'mine');
    await take(60_000);
    const read = one.caches.open(plain).get(1);
    const draft = {
      key: '1',
      body: '"theirs"',
      flags: 0,
      bytes: 8,
      tags: '',
      ttlMs: 60_000,
      graceMs: 0,
      row: 0,
    };
    const batch = {
      cache: 'plain',
      token: 'elsewhere',
      isTagged: false,
      filledBy: 'r',
      filledAt: 0,
      seq: 0,
      plan: 0,
      loadMs: 0,
    } as const;
    await two.store.commit(batch, [draft]);
    expect(await read).toBe('theirs');
    expect(origin.loads).toEqual([]);
  });

  test('when its holder died has exactly one successor', async () => {
    origin.rows.set(1, 'pot');
    await take(100);
    const reads = [one, two, one, two].map(({ caches }) => caches.open(plain).get(1));
    expect(new Set(await Promise.all(reads))).toEqual(new Set(['pot']));
    await Promise.all([one.caches.settled(), two.caches.settled()]);
    expect(origin.loads).toEqual([[1]]);
    const late = {
      key: '1',
      body: '"late"',
      flags: 0,
      bytes: 6,
      tags: '',
      ttlMs: 60_000,
      graceMs: 0,
      row: 0,
    };
    const batch = {
      cache: 'plain',
      token: 'elsewhere',
      isTagged: false,
      filledBy: 'r',
      filledAt: 0,
      seq: 0,
      plan: 0,
      loadMs: 0,
    } as const;
    expect(await two.store.commit(batch, [late])).toEqual(['lost']);
    expect(await one.caches.open(plain).get(1)).toBe('pot');
  });

  test('is not waited for for ever: then the value is loaded and not stored', async () => {
    const clock = fakeClock();
    const patient = await counter(defs, { clock });
    origin.rows.set(1, 'pot');
    await take(60_000);
    const read = patient.caches.open(plain).get(1);
    let isDone = false;
    void read.then(() => {
      isDone = true;
    });
    for (let step = 0; step < 200 && !isDone; step++) {
      // One timer is the beat of the bus.
      await until(() => isDone || clock.pending > 1, 'it waits or is done');
      await clock.advance(100);
    }
    expect(await read).toBe('pot');
    expect(clock.now() - fakeClock().now()).toBeLessThan(10_000);
    expect(await one.caches.look('plain', ['1'])).toEqual([{ state: 'missing', freshUntil: 0 }]);
    expect(patient.told('entry:refused')).toEqual([{ cache: 'plain', why: 'waited' }]);
  });
});

test('a loader that never answers is left behind when its time is over', async () => {
  const clock = fakeClock();
  let signal: AbortSignal | undefined;
  let answer = (_: string[]) => {};
  const stuck = defineCache('stuck', {
    ...base,
    load: (_, context) => {
      signal = context.signal;
      return new Promise<string[]>((resolve) => {
        answer = resolve;
      });
    },
  });
  const { caches, cacheRedis } = await counter([stuck], { clock });
  const reads = [1, 1, 1].map((id) => caches.open(stuck).get(id));
  for (const read of reads) read.catch(() => {});
  await until(() => signal, 'it loads');
  await clock.advance(2_000);
  for (const read of reads)
    await expect(read).rejects.toMatchObject({
      code: 'E_LOAD_TIMEOUT',
      message: '`caches.stuck.load` did not answer within 2.0 s',
    });
  expect(signal!.aborted).toBe(true);
  answer(['too late']);
  await caches.settled();
  expect(await cacheRedis.dbsize()).toBe(0);
  expect(clock.pending).toBe(0);
});
