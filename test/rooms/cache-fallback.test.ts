import { expect, test } from 'vitest';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter } from './cache-counter.ts';

const broken = new Set<number>([1, 2]);
let seen: Error | undefined;
const base = {
  origin: defineOrigin('shop'),
  key: key.number,
  ttl: '1m',
  load: (ids: number[]): Map<number, { id: number } | Error> =>
    new Map(ids.map((id) => [id, broken.has(id) ? new Error('no') : { id }])),
} as const;
const plain = defineCache('plain', base);
const kind = defineCache('kind', {
  ...base,
  fallback: (id, error) => {
    seen = error;
    return id === 2 ? undefined : { id: -id };
  },
});
const stuck = defineCache('stuck', {
  ...base,
  timeouts: { hard: '1s' },
  load: () => new Promise<Map<number, { id: number }>>(() => {}),
  fallback: () => ({ id: 0 }),
});
const wrong = defineCache('wrong', { ...base, load: () => 'nothing' as never, fallback: () => ({ id: 0 }) });
const { caches, told, cacheRedis } = await counter([plain, kind, wrong]);
await cacheRedis.flushdb();

test('a reader whose load failed gets the fallback, which is not stored', async () => {
  const cache = caches.open(kind);
  expect(await cache.get(1)).toEqual({ id: -1 });
  expect(seen).toMatchObject({ code: 'E_LOAD_FAILED' });
  expect(await cache.get(2)).toBeUndefined();
  expect(await cache.getMany([1, 2, 3])).toEqual(
    new Map([
      [1, { id: -1 }],
      [3, { id: 3 }],
    ]),
  );
  expect(told('read:failed')).toHaveLength(4);
  broken.delete(1);
  expect(await cache.get(1)).toEqual({ id: 1 });
});

test('a read may bring its own, which holds for it alone', async () => {
  const cache = caches.open(kind);
  const own = { fallback: (id: number) => ({ id: 100 + id }) };
  const settled = await Promise.allSettled([
    cache.get(2, own),
    cache.get(2),
    caches.open(plain).get(2, own),
    caches.open(plain).get(2),
    caches.open(plain).get(2, { fallback: () => undefined }),
  ]);
  expect(settled.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code))).toEqual([
    { id: 102 },
    undefined,
    { id: 102 },
    'E_LOAD_FAILED',
    undefined,
  ]);
  expect(await caches.open(plain).getMany([2, 3], own)).toEqual(
    new Map([
      [2, { id: 102 }],
      [3, { id: 3 }],
    ]),
  );
  expect((await caches.open(plain).getSettled([2], own)).get(2)).toEqual({
    state: 'value',
    value: { id: 102 },
  });
  await expect(caches.open(wrong).get(2, own)).rejects.toMatchObject({ code: 'E_LOAD_SHAPE' });
  expect(await caches.open(plain).has(2)).toBe(false);
});

test('a reader whose patience is over gets it, too, and so does one whose load is', async () => {
  const clock = fakeClock();
  const { caches } = await counter([stuck], { clock });
  const reads = [caches.open(stuck).get(1), caches.open(stuck).get(2)];
  await until(() => clock.pending >= 4, 'both wait for their loads');
  await clock.advance(1_000);
  expect(await Promise.all(reads)).toEqual([{ id: 0 }, { id: 0 }]);
  await clock.advance(60_000);
});

test('without one the error is told; a mistake of the application always is', async () => {
  await expect(caches.open(plain).get(2)).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
  await expect(caches.open(wrong).get(2)).rejects.toMatchObject({ code: 'E_LOAD_SHAPE' });
});
