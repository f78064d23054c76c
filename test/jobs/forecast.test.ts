import { beforeEach, expect, test } from 'vitest';
import { forecast } from '../../jobs/forecast.ts';
import { hourMs } from '../../src/duration.ts';
import type { JobContext } from '../../src/job.ts';
import { silentLog } from '../../src/log.ts';
import type { Reads, Writes } from '../../src/rooms.ts';
import { closing, forecastRoom, monday } from '../rooms/forecast-parts.ts';

const { db, forecasts, count, states, empty } = await forecastRoom();
const now = closing(monday);
beforeEach(empty);

const moves: string[] = [];
class Killed extends Error {}
/** The rooms; the worker dies before or after one of its moves, if told to. */
function rooms({ top = 10, dies }: { top?: number; dies?: [when: 'before' | 'after', move: string] } = {}) {
  const moving =
    <Args extends unknown[], Result>(name: string, move: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      moves.push(name);
      if (dies?.[0] === 'before' && dies[1] === name) throw new Killed();
      const result = await move(...args);
      if (dies?.[0] === 'after' && dies[1] === name) throw new Killed();
      return result;
    };
  const from = {
    forecasts: { ...forecasts, forecast: moving('forecast', forecasts.forecast) },
    caches: {
      names: () => ['products', 'prices', 'unread'],
      warmOptions: () => ({ top, horizonMs: hourMs }),
    },
  } as unknown as Pick<Reads, 'forecasts' | 'caches'>;
  const to: Pick<Writes, 'forecasts'> = {
    forecasts: { ...forecasts, fold: moving('fold', forecasts.fold), keep: moving('keep', forecasts.keep) },
  };
  return [from, to] as const;
}
const context = (signal = new AbortController().signal): JobContext => ({
  id: '1',
  attempt: 1,
  worker: 'w',
  at: now,
  now: () => now,
  signal,
  log: silentLog,
  progress: async () => {},
});

beforeEach(async () => {
  moves.length = 0;
  await count([
    { key: 'a', bucket: monday, accesses: 4 },
    { key: 'b', bucket: monday - 3, accesses: 9 },
  ]);
  await count([{ key: 'c', bucket: monday, accesses: 7 }], 'prices');
});

test('folds what is closed, then keeps a forecast of every cache that is read', async () => {
  expect(await forecast.run({}, ...rooms(), context())).toEqual({
    kind: 'done',
    result: { buckets: 4, keys: 3, forecasts: { products: 2, prices: 1, unread: 0 } },
  });
  expect(moves).toEqual(['fold', 'forecast', 'keep', 'forecast', 'keep', 'forecast']);
  expect((await forecasts.latest('products'))!.rows).toHaveLength(2);
  expect((await forecasts.latest('prices'))!.rows).toHaveLength(1);
  expect(await forecasts.latest('unread')).toBeUndefined();
});

test('keeps twice what a plan of the cache takes, and never few', async () => {
  const many = Array.from({ length: 2_300 }, (_, i) => ({
    key: `k${i}`,
    bucket: monday,
    accesses: 1 + (i % 5),
  }));
  await count(many);
  const kept = async (top: number) => {
    await forecast.run({}, ...rooms({ top }), context());
    return (await forecasts.latest('products'))!.rows.length;
  };
  expect(await kept(10)).toBe(2_000);
  expect(await kept(1_100)).toBe(2_200);
});

test.each([
  ['before', 'fold'],
  ['after', 'fold'],
  ['before', 'keep'],
  ['after', 'keep'],
] as const)(
  'a worker that dies %s its %s leaves nothing undone and nothing done twice',
  async (when, move) => {
    await expect(forecast.run({}, ...rooms({ dies: [when, move] }), context())).rejects.toThrow(Killed);
    await forecast.run({}, ...rooms(), context());
    const state = await states();
    expect([...state.values()].map(({ accesses }) => accesses).sort()).toEqual(['4', '7', '9']);
    expect((await forecasts.latest('prices'))!.rows).toHaveLength(1);
    expect(await db.rows('select from samovar.forecast')).toHaveLength(
      when === 'after' && move === 'keep' ? 3 : 2,
    );
  },
);

test('a worker that is told to stop does so between two caches', async () => {
  const stop = new AbortController();
  const [from, to] = rooms();
  const keep: Writes['forecasts']['keep'] = async (made) => {
    stop.abort(new Error('shutdown'));
    return to.forecasts.keep(made);
  };
  const stopping = { forecasts: { ...to.forecasts, keep } };
  await expect(forecast.run({}, from, stopping, context(stop.signal))).rejects.toThrow('shutdown');
  expect(moves).toEqual(['fold', 'forecast', 'keep']);
});
