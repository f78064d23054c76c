import { describe, expect, test } from 'vitest';
import { nextTurn } from '../../src/clock.ts';
import { defineCache } from '../../src/define.ts';
import { fakeClock, until } from '../support/index.ts';
import { counter, shop, soldBy } from './cache-counter.ts';

const origin = shop();
const base = soldBy(origin);
const alone = defineCache('alone', base);
const together = defineCache('together', { ...base, gatherFor: 5 });
const turn = defineCache('turn', { ...base, gatherFor: 0 });
const outer = defineCache('outer', {
  ...base,
  gatherFor: 5,
  load: async (ids: number[]) =>
    new Map(await Promise.all(ids.map(async (id) => [id, await inner(id)] as const))),
});
const { caches, cacheRedis } = await counter([alone, together, turn, outer]);
await cacheRedis.flushdb();
const inner = (id: number) => caches.open(together).get(id);

test('misses of single reads are loaded one by one unless told', async () => {
  for (const id of [1, 2, 3]) origin.rows.set(id, { id });
  origin.loads.length = 0;
  await Promise.all([1, 2, 3].map((id) => caches.open(alone).get(id)));
  expect(origin.loads).toHaveLength(3);
});

test.each([together, turn])('$name: they go into one load, whoever asks', async (def) => {
  for (const id of [11, 12, 13]) origin.rows.set(id, { id });
  origin.loads.length = 0;
  const cache = caches.open(def);
  const values = await Promise.all([11, 12, 11, 13, 99].map((id) => cache.get(id)));
  expect(values).toEqual([{ id: 11 }, { id: 12 }, { id: 11 }, { id: 13 }, undefined]);
  expect(origin.loads.map((ids) => ids.toSorted((a, b) => a - b))).toEqual([[11, 12, 13, 99]]);
});

test('one that was asked for a moment later joins what is under way', async () => {
  origin.rows.set(21, { id: 21 });
  origin.loads.length = 0;
  origin.hold();
  const first = caches.open(together).get(21);
  await until(() => origin.loads.length === 1, 'it is loaded');
  const second = caches.open(together).get(21);
  origin.release();
  expect(await Promise.all([first, second])).toEqual([{ id: 21 }, { id: 21 }]);
  expect(origin.loads).toEqual([[21]]);
});

test('a loader that asks another cache waits for nobody else', async () => {
  for (const id of [31, 32]) origin.rows.set(id, { id });
  expect(await Promise.all([31, 32].map((id) => caches.open(outer).get(id)))).toEqual([
    { id: 31 },
    { id: 32 },
  ]);
});

test('an id whose load fails fails alone', async () => {
  const failing = defineCache('failing', {
    ...base,
    gatherFor: 0,
    load: (ids: number[]) => new Map(ids.map((id) => [id, id === 42 ? new Error('no') : { id }])),
  });
  const { caches } = await counter([failing]);
  const settled = await Promise.allSettled([41, 42, 43].map((id) => caches.open(failing).get(id)));
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

describe('within one window', () => {
  const clock = fakeClock();
  /** What loads of `ring` wait for, and ask for then. */
  let held: Promise<void> | undefined;
  const ring = defineCache('ring', {
    ...base,
    gatherFor: 5,
    async load(ids: number[]): Promise<Map<number, unknown>> {
      await held;
      if (ids.includes(51)) return new Map([[51, await asked(51)]]);
      return origin.load(ids);
    },
  });
  let asked = (_: number): Promise<unknown> => Promise.resolve();

  test('the same id asked for in another turn is loaded once, and answered to both', async () => {
    const { caches, misses } = await counter([together], { clock });
    origin.rows.set(71, { id: 71 });
    origin.loads.length = 0;
    const reads = [caches.open(together).get(71)];
    await until(() => clock.pending > 0, 'the first waits');
    reads.push(caches.open(together).get(71), caches.open(together).get(72));
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    await until(() => misses.length === 3, 'all have missed');
    await clock.advance(5);
    expect(await Promise.all(reads)).toEqual([{ id: 71 }, { id: 71 }, undefined]);
    expect(origin.loads.flat().toSorted()).toEqual([71, 72]);
  });

  test('a loader that asks for what it loads is told so, whoever else asks at that moment', async () => {
    const { caches } = await counter([ring], { clock });
    const cache = caches.open(ring);
    asked = (id) => cache.get(id);
    let release = () => {};
    held = new Promise((resolve) => {
      release = resolve;
    });
    origin.rows.set(60, { id: 60 });
    const inner = cache.get(51);
    inner.catch(() => {});
    await until(() => clock.pending > 0, 'it waits for others');
    await clock.advance(5);
    // Somebody outside opens the next window; what the loader asks for would be sent with that.
    const outer = cache.get(60);
    await until(() => clock.pending > 1, 'it waits for others');
    release();
    await expect(inner).rejects.toMatchObject({ code: 'E_LOAD_LOOP' });
    await clock.advance(5);
    expect(await outer).toEqual({ id: 60 });
  });
});

test('what is loaded has left for the store when its reader is answered', async () => {
  const order: string[] = [];
  const watched = await counter([alone], {
    around: (store) => ({
      ...store,
      commit(...commit) {
        order.push('sent');
        return store.commit(...commit);
      },
    }),
  });
  origin.rows.set(31, { id: 31 });
  await watched.caches.open(alone).get(31);
  order.push('answered');
  await watched.caches.settled();
  expect(order).toEqual(['sent', 'answered']);
});
