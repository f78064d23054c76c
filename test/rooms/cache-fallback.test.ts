import { expect, test } from 'vitest';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
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

test('without one the error is told; a mistake of the application always is', async () => {
  await expect(caches.open(plain).get(2)).rejects.toMatchObject({ code: 'E_LOAD_FAILED' });
  await expect(caches.open(wrong).get(2)).rejects.toMatchObject({ code: 'E_LOAD_SHAPE' });
});
