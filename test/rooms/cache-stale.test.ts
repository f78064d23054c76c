import { beforeEach, describe, expect, test } from 'vitest';
import { type AnyCacheDef, defineCache } from '../../src/define.ts';
import { hourMs, minuteMs, secondMs } from '../../src/duration.ts';
import { key } from '../../src/key.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop({ timeout: '2s' });
const base = {
  origin: origin.origin,
  key: key.number,
  ttl: '1m',
  jitter: 0,
  grace: '1h',
  load: (ids: number[]) => origin.load(ids),
} as const;
const plain = defineCache('plain', base);
const forgetful = defineCache('forgetful', { ...base, negativeTtl: 0 });
const labelled = defineCache('labelled', { ...base, tags: (id) => ['all', `id:${id}`] });
const graceless = defineCache('graceless', { ...base, grace: 0, tags: () => ['all'] });
const patient = defineCache('patient', { ...base, timeouts: { soft: '1s' } });
const hasty = defineCache('hasty', { ...base, timeouts: { hard: '1s' } });
const small = defineCache('small', { ...base, maxValueBytes: 10 });
const defs = [plain, forgetful, labelled, graceless, patient, hasty, small];

const clock = fakeClock(Date.now());
let chance = 0;
const one = await counter(defs, { clock, chance: () => chance });
const two = await counter(defs, { clock });
const settled = () => Promise.all([one.caches.settled(), two.caches.settled()]);
const cache = one.caches.open(plain);

/** A value was loaded and its ttl is over; the origin has a newer one. */
const stale = async (def: AnyCacheDef = plain) => {
  origin.rows.set(1, 'old');
  await one.caches.open(def).delete(1);
  await one.caches.open(def).get(1);
  await settled();
  origin.rows.set(1, 'new');
  origin.loads.length = 0;
  await clock.advance(minuteMs + 1);
};

beforeEach(async () => {
  origin.release();
  // What rests after a failure has rested.
  await clock.advance(hourMs);
  await settled();
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
  chance = 0;
  for (const { hits, misses } of [one, two]) for (const list of [hits, misses]) list.length = 0;
  one.told('entry:refused').length = 0;
});

describe('a stale value', () => {
  test('is served while one refresh runs, in whichever of many processes', async () => {
    await stale();
    origin.hold();
    const reads = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).caches.open(plain).get(1));
    expect(new Set(await Promise.all(reads))).toEqual(new Set(['old']));
    await until(() => origin.loads.length > 0, 'it is loaded');
    expect(await cache.get(1)).toBe('old');
    origin.release();
    await settled();
    expect(origin.loads).toEqual([[1]]);
    for (const { caches } of [one, two]) expect(await caches.open(plain).get(1)).toBe('new');
    expect(origin.loads).toHaveLength(1);
    expect([...one.misses, ...two.misses].map((miss) => miss.key)).toEqual(['1']);
  });

  test('is served by a read of many, and all that are stale are loaded at once', async () => {
    for (const id of [1, 2, 3]) origin.rows.set(id, 'old');
    await cache.getMany([1, 2, 3]);
    await settled();
    await clock.advance(minuteMs + 1);
    origin.rows.set(1, 'new').set(2, 'new').set(4, 'first');
    origin.loads.length = 0;
    expect([...(await cache.getMany([1, 4, 2])).values()]).toEqual(['old', 'first', 'old']);
    await settled();
    expect(origin.loads.map((ids) => ids.toSorted())).toEqual(expect.arrayContaining([[4], [1, 2]]));
    expect([...(await cache.getMany([1, 2])).values()]).toEqual(['new', 'new']);
    expect(cache.stats()).toMatchObject({ stale: expect.any(Number) });
  });

  test('lives for ttl and grace together, and no longer', async () => {
    await stale();
    const [name] = await one.cacheRedis.keys('*e:1');
    const left = await one.cacheRedis.pttl(name!);
    expect(left).toBeGreaterThan(hourMs);
    expect(left).toBeLessThanOrEqual(hourMs + minuteMs);
  });

  test('never outlives an explicit delete', async () => {
    await stale();
    await two.caches.open(plain).delete(1);
    expect(await cache.get(1)).toBe('new');
  });

  test('does not come back when it is deleted while it is refreshed', async () => {
    await stale();
    origin.rows.set(1, 'newer');
    origin.hold();
    expect(await cache.get(1)).toBe('old');
    await until(() => origin.loads.length > 0, 'it is loaded');
    origin.rows.set(1, 'newest');
    await two.caches.open(plain).delete(1);
    origin.release();
    await settled();
    for (const { caches } of [one, two]) expect(await caches.open(plain).get(1)).toBe('newest');
  });

  test('and its refresh lose against a value that is set meanwhile', async () => {
    await stale();
    origin.hold();
    expect(await cache.get(1)).toBe('old');
    await until(() => origin.loads.length > 0, 'it is loaded');
    await two.caches.open(plain).set(1, 'set');
    origin.release();
    await settled();
    for (const { caches } of [one, two]) expect(await caches.open(plain).get(1)).toBe('set');
    expect(one.told('entry:refused')).toEqual([{ cache: 'plain', why: 'lost' }]);
  });

  test('whose refresher dies is refreshed by another, once', async () => {
    await stale();
    // Somebody took the lease and is not heard of again.
    await two.store.begin('plain', ['1'], { token: 'dead', ms: 300 }, { want: 'none' });
    expect(await cache.get(1)).toBe('old');
    await settled();
    expect(origin.loads).toEqual([]);
    await until(async () => {
      await clock.advance(secondMs);
      for (const { caches } of [one, two]) await caches.open(plain).get(1);
      await settled();
      return origin.loads.length > 0;
    }, 'it is loaded');
    expect(origin.loads).toEqual([[1]]);
    expect(await cache.get(1)).toBe('new');
  });

  test('is refused by who says how old it may be', async () => {
    await stale();
    await clock.advance(minuteMs);
    origin.hold();
    expect(await cache.get(1, { maxStale: '2m' })).toBe('old');
    origin.release();
    await settled();
    await one.cacheRedis.flushdb();
    await stale();
    expect(await cache.get(1, { maxStale: 0 })).toBe('new');
    expect([...(await cache.getMany([1], { maxStale: 0 })).values()]).toEqual(['new']);
  });

  test('a `maxStale` that is no duration is an error of its own, and no outage', async () => {
    await stale();
    const failed = one.told('store:failed').length;
    const wrong = { maxStale: 'soon' as never };
    for (const read of [cache.get(1, wrong), cache.getMany([1], wrong), cache.get(2, wrong)])
      await expect(read).rejects.toThrow(/maxStale.*soon/);
    expect(one.told('store:failed')).toHaveLength(failed);
    expect(origin.loads).toEqual([]);
  });

  test('of an id that is gone at the origin goes, too', async () => {
    for (const def of [plain, forgetful]) {
      await stale(def);
      origin.rows.delete(1);
      expect(await one.caches.open(def).get(1)).toBe('old');
      await settled();
      expect(await one.caches.open(def).get(1)).toBeUndefined();
    }
  });

  test('goes when the newer one is too long to be stored', async () => {
    await stale(small);
    origin.rows.set(1, 'much too long for it');
    expect(await one.caches.open(small).get(1)).toBe('old');
    await settled();
    expect(await one.caches.open(small).get(1)).toBe('much too long for it');
  });

  test('counts as missing for a plan, and a warm loads it', async () => {
    await stale();
    expect(await one.caches.look('plain', ['1'])).toEqual([{ state: 'missing', freshUntil: 0 }]);
    const request = { keys: ['1'], reason: 'warm', signal: new AbortController().signal } as const;
    expect((await two.caches.fill('plain', request)).results).toEqual(['written']);
    expect(await cache.get(1)).toBe('new');
  });

  test('is no thing of caches without grace: their entries are fresh as long as Redis has them', async () => {
    origin.rows.set(1, 'old');
    const without = one.caches.open(graceless);
    await without.get(1);
    await settled();
    // A clock that is far ahead of the others' makes nothing stale.
    await clock.advance(hourMs);
    expect(await without.get(1)).toBe('old');
    expect(origin.loads).toHaveLength(1);
  });
});

describe('when the origin fails', () => {
  const failing = defineCache('failing', {
    ...base,
    backoff: '10s',
    load: async (ids) => {
      loads += 1;
      if (isIll) throw new Error('out of order');
      return new Map(ids.map((id) => [id, `value ${loads}`]));
    },
  });
  let isIll = false;
  let loads = 0;

  test('the stale value serves, and the origin is left alone for a while by everybody', async () => {
    const [a, b] = await Promise.all([counter([failing], { clock }), counter([failing], { clock })]);
    const first = a.caches.open(failing);
    const second = b.caches.open(failing);
    const rest = () => Promise.all([a.caches.settled(), b.caches.settled()]);
    expect(await first.get(1)).toBe('value 1');
    await rest();
    isIll = true;
    await clock.advance(minuteMs + 1);
    for (let i = 0; i < 5; i++) {
      for (const each of [first, second]) expect(await each.get(1)).toBe('value 1');
      await rest();
      await clock.advance(secondMs);
    }
    expect(loads).toBe(2);
    expect(a.told('load:settled').concat(b.told('load:settled'))).toContainEqual(
      expect.objectContaining({ reason: 'refresh', outcome: 'failed' }),
    );
    // Who cannot use what is stale asks the origin, and hears how it is.
    await expect(first.get(1, { maxStale: 0 })).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
    expect(await first.get(1)).toBe('value 1');
    isIll = false;
    await clock.advance(10 * secondMs);
    expect(await first.get(1)).toBe('value 1');
    await rest();
    expect(await second.get(1)).toBe('value 4');
  });
});

describe('patience', () => {
  test('soft: a fresh value is waited for a little, then the stale one serves', async () => {
    const waits = one.caches.open(patient);
    await stale(patient);
    expect(await waits.get(1)).toBe('new');
    await settled();
    await stale(patient);
    origin.hold();
    const [single, many] = [waits.get(1), waits.getMany([1])];
    await until(() => origin.loads.length > 0 && clock.pending >= 3, 'both wait for the load');
    await clock.advance(secondMs);
    expect(await single).toBe('old');
    expect([...(await many).values()]).toEqual(['old']);
    origin.release();
    await settled();
    expect(await waits.get(1)).toBe('new');
    expect(origin.loads).toEqual([[1]]);
    expect(clock.pending).toBe(0);
  });

  test('hard: no reader waits longer, and what was being loaded is there for the next', async () => {
    const waits = one.caches.open(hasty);
    origin.rows.set(1, 'slow').set(2, 'slow');
    origin.hold();
    const reads = [waits.get(1), waits.getMany([2])];
    for (const read of reads) read.catch(() => {});
    await until(() => origin.loads.length === 2, 'both are loaded');
    await clock.advance(secondMs);
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: 'E_LOAD_TIMEOUT' });
    origin.release();
    await settled();
    expect(await waits.get(1)).toBe('slow');
    expect(origin.loads).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });
});

describe('invalidated', () => {
  test('with expire: the old value serves until the new one is there', async () => {
    for (const how of [{ tags: ['all'] }, { cache: 'labelled', ids: [1] }, { tags: ['all', 'id:1'] }]) {
      await one.cacheRedis.flushdb();
      origin.rows.set(1, 'old');
      await one.caches.open(labelled).get(1);
      await settled();
      origin.rows.set(1, 'new');
      await two.caches.invalidate({ ...how, mode: 'expire' });
      expect(await two.caches.open(labelled).get(1, { maxStale: '1h' })).toBe('old');
      await settled();
      await two.caches.invalidate({ ...how, mode: 'expire' });
      origin.rows.set(1, 'newer');
      expect(await two.caches.open(labelled).get(1, { maxStale: 0 })).toBe('newer');
      await settled();
      await two.caches.open(labelled).set(1, 'old');
      origin.rows.set(1, 'new');
      await two.caches.invalidate({ ...how, mode: 'expire' });
      origin.hold();
      for (const { caches } of [one, two]) expect(await caches.open(labelled).get(1)).toBe('old');
      origin.release();
      await settled();
      for (const { caches } of [one, two]) expect(await caches.open(labelled).get(1)).toBe('new');
    }
  });

  test('with purge, before an expire or after it: not even grace', async () => {
    const modes = [['purge'], ['expire', 'purge'], ['purge', 'expire']] as const;
    for (const order of modes) {
      for (const how of [{ tags: ['all'] }, { cache: 'labelled', ids: [1] }]) {
        origin.rows.set(1, 'old');
        await one.caches.open(labelled).delete(1);
        await one.caches.open(labelled).get(1);
        await settled();
        origin.rows.set(1, 'new');
        for (const mode of order) await two.caches.invalidate({ ...how, mode });
        expect(await one.caches.open(labelled).get(1)).toBe('new');
      }
    }
  });

  test('with expire, while it is loaded: what is loaded is not kept', async () => {
    origin.rows.set(1, 'old');
    origin.hold();
    const slow = one.caches.open(labelled).get(1);
    await until(() => origin.loads.length > 0, 'it is loaded');
    origin.rows.set(1, 'new');
    await two.caches.invalidate({ tags: ['all'], mode: 'expire' });
    origin.release();
    await slow;
    await settled();
    expect(await two.caches.open(labelled).get(1)).toBe('new');
  });

  test('with expire, where there is no grace: it is gone', async () => {
    for (const how of [{ tags: ['all'] }, { cache: 'graceless', ids: [1] }]) {
      origin.rows.set(1, 'old');
      await one.caches.open(graceless).get(1);
      await settled();
      origin.rows.set(1, 'new');
      await two.caches.invalidate({ ...how, mode: 'expire' });
      expect(await one.caches.open(graceless).get(1)).toBe('new');
      await settled();
    }
  });
});

describe('shortly before the end of its freshness', () => {
  test('chance lets one reader have the value loaded again, and nobody waits', async () => {
    origin.rows.set(1, 'old');
    origin.hold();
    const first = cache.get(1);
    await until(() => origin.loads.length === 1, 'it is loaded');
    await clock.advance(secondMs);
    origin.release();
    await first;
    await settled();
    origin.rows.set(1, 'new');
    // 2 s before the end, for a load that takes 1 s.
    await clock.advance(58 * secondMs);
    chance = 0.5;
    expect(await cache.get(1)).toBe('old');
    await settled();
    expect(origin.loads).toHaveLength(1);
    chance = 0.99;
    origin.hold();
    expect(await Promise.all([cache.get(1), cache.get(1), cache.get(1)])).toEqual(['old', 'old', 'old']);
    origin.release();
    await settled();
    expect(origin.loads).toEqual([[1], [1]]);
    expect(await cache.get(1)).toBe('new');
    await settled();
    expect(origin.loads, 'an entry just filled is left alone').toHaveLength(2);
  });
});
