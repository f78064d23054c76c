import { beforeEach, describe, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { dayMs, hourMs, minuteMs } from '../../src/duration.ts';
import { key } from '../../src/key.ts';
import { readConfig } from '../../src/read-config.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop();
const base = {
  origin: origin.origin,
  key: key.number,
  ttl: '1m',
  jitter: 0,
  load: (ids: number[]) => origin.load(ids),
} as const;
const plain = defineCache('plain', base);
const graced = defineCache('graced', { ...base, grace: '1h', tags: () => ['all'] });
const near = defineCache('near', { ...base, grace: '1h', tags: () => ['all'], memory: { maxBytes: 1e6 } });
/** Longer than a timer can be set for. */
const long = defineCache('long', {
  ...base,
  ttl: '60d',
  grace: '60d',
  timeouts: { soft: '40d', hard: '50d' },
  memory: { maxBytes: 1e6 },
});
const brief = defineCache('brief', { ...base, ttl: '2s', grace: '1h' });
const said = defineCache('said', {
  ...base,
  grace: '1h',
  ttl: (value) => (value as { keep: number }).keep,
});
const defs = [plain, graced, near, long, brief, said];
const one = await counter(defs);
const settled = () => one.caches.settled();
const leftOf = async (name: string) => {
  const [found] = await one.cacheRedis.keys(`test:{${name}#*}:e:1`);
  return one.cacheRedis.pttl(found!);
};

beforeEach(async () => {
  origin.release();
  await settled();
  await one.cacheRedis.flushdb();
  origin.rows.clear();
  origin.loads.length = 0;
});

describe('a ttl', () => {
  test('that is longer than a timer can be is as long as it says, and nobody is in a hurry for it', async () => {
    origin.rows.set(1, 'pot');
    origin.hold();
    const read = one.caches.open(long).get(1);
    await until(() => origin.loads.length === 1, 'it is loaded');
    origin.release();
    expect(await read).toBe('pot');
    await settled();
    expect(await one.caches.open(long).get(1)).toBe('pot');
    expect(await leftOf('long')).toBeGreaterThan(119 * dayMs);
    expect(origin.loads).toEqual([[1]]);
  });

  test.each([[undefined], [null], [Number.POSITIVE_INFINITY], [-1], ['for ever'], [Number.NaN]])(
    'must be a length: %s is none',
    (ttl) => {
      const endless = defineCache('endless', { ...base, ttl: ttl as never });
      expect(() => readConfig({ caches: [endless] }, { env: {} })).toThrow(
        expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining('ttl') }),
      );
    },
  );

  test('is asked of each new value, on a refresh, too', async () => {
    const clock = fakeClock(Date.now());
    const { caches } = await counter(defs, { clock });
    const cache = caches.open(said);
    origin.rows.set(1, { keep: minuteMs });
    await cache.get(1);
    await caches.settled();
    expect(await leftOf('said')).toBeLessThanOrEqual(hourMs + minuteMs);
    origin.rows.set(1, { keep: 30 * minuteMs });
    await clock.advance(minuteMs + 1);
    expect(await cache.get(1)).toEqual({ keep: minuteMs });
    await caches.settled();
    expect(await leftOf('said')).toBeGreaterThan(hourMs + 29 * minuteMs);
    expect(await cache.get(1)).toEqual({ keep: 30 * minuteMs });
    // The new length holds: no refresh after the old one.
    await clock.advance(20 * minuteMs);
    await cache.get(1);
    await caches.settled();
    expect(origin.loads).toHaveLength(2);
  });

  test('may be shorter than its grace, or longer: both count', async () => {
    origin.rows.set(1, 'pot');
    for (const [name, ms] of [
      ['brief', hourMs + 2_000],
      ['graced', hourMs + minuteMs],
    ] as const) {
      await one.caches.open(name === 'brief' ? brief : graced).get(1);
      await settled();
      const left = await leftOf(name);
      expect(left).toBeLessThanOrEqual(ms);
      expect(left).toBeGreaterThan(ms - 30_000);
    }
  });
});

describe('a machine whose clock is a quarter of an hour', () => {
  test.each([
    ['ahead', 15 * minuteMs],
    ['behind', -15 * minuteMs],
  ])('%s sees no deleted value, and no tag comes too late or too early', async (_, stepMs) => {
    const clock = fakeClock(Date.now());
    const wrong = fakeClock(Date.now() + stepMs);
    const [right, off] = [await counter(defs, { clock }), await counter(defs, { clock: wrong })];
    for (const [writer, reader] of [
      [right, off],
      [off, right],
    ] as const) {
      for (const def of [graced, near]) {
        origin.rows.set(1, 'old');
        await writer.caches.open(def).delete(1);
        await writer.caches.open(def).get(1);
        await writer.caches.settled();
        await reader.caches.open(def).get(1);
        await reader.caches.settled();
        origin.rows.set(1, 'new');
        await reader.caches.invalidate({ tags: ['all'] });
        expect(await reader.caches.open(def).get(1)).toBe('new');
        await reader.caches.settled();
        origin.loads.length = 0;
        // What was stored after the invalidation is alive for both.
        origin.rows.set(1, 'newer');
        expect(await writer.caches.open(def).get(1)).toBe('new');
        await writer.caches.settled();
        origin.rows.set(1, 'newest');
        await writer.caches.invalidate({ tags: ['all'], mode: 'purge' });
        await until(async () => (await reader.caches.open(def).get(1)) === 'newest', 'it is heard of');
        await reader.caches.settled();
      }
    }
  });

  test.each([
    ['ahead', 15 * minuteMs],
    ['behind', -15 * minuteMs],
  ])('%s reads what has no grace for as long as Redis holds it, without loads', async (_, stepMs) => {
    const wrong = fakeClock(Date.now() + stepMs);
    const off = await counter(defs, { clock: wrong });
    origin.rows.set(1, 'pot');
    await one.caches.open(plain).get(1);
    await settled();
    for (let i = 0; i < 5; i++) {
      expect(await off.caches.open(plain).get(1)).toBe('pot');
      await off.caches.settled();
    }
    expect(origin.loads).toEqual([[1]]);
  });
});
