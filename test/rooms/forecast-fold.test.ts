import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { experts } from '../../src/forecast/experts.ts';
import { foldClosed } from '../../src/forecast/postgres-fold.ts';
import { halfLifeHours } from '../../src/rooms.ts';
import { type Count, closing, forecastRoom, monday, type State } from './forecast-parts.ts';

const { db, forecasts, count, countLate, holdingMark, empty, states } = await forecastRoom();

beforeEach(empty);

/** What the state must be, from the whole history at once: the definition, not the way it is folded. */
function expected(counts: readonly Count[]) {
  const first = Math.min(...counts.map(({ bucket }) => bucket));
  const last = Math.max(...counts.map(({ bucket }) => bucket));
  const sum = (halfLife: number, of: readonly Count[] = counts) =>
    of.reduce((total, { bucket, accesses }) => total + accesses * 0.5 ** ((last - bucket) / halfLife), 0);
  return {
    first_bucket: first,
    last_bucket: last,
    accesses: counts.reduce((total, { accesses }) => total + accesses, 0),
    sums: halfLifeHours.map((halfLife) => sum(halfLife)),
    hours: Array.from({ length: 24 }, (_, hour) =>
      sum(
        72,
        counts.filter(({ bucket }) => bucket % 24 === hour),
      ),
    ),
  };
}

function expectState(state: State | undefined, counts: readonly Count[]) {
  const want = expected(counts);
  expect(state).toMatchObject({ first_bucket: want.first_bucket, last_bucket: want.last_bucket });
  expect(Number(state!.accesses)).toBe(want.accesses);
  const near = (actual: number, wanted: number) =>
    expect(Math.abs(actual - wanted)).toBeLessThan(1e-6 + wanted * 1e-4);
  halfLifeHours.forEach((halfLife, i) => {
    near(state![`e${halfLife}`]!, want.sums[i]!);
  });
  if (!state!.hours) return;
  // What was read before the hours were kept is missing from them.
  state!.hours.forEach((kept, hour) => {
    expect(kept).toBeLessThan(1e-6 + want.hours[hour]! * 1.0001);
  });
  const kept = state!.hours.reduce((sum, each) => sum + each, 0);
  expect(kept).toBeGreaterThan(state!.e72! * 0.9999 - 8);
}

test('the state of a key is its whole history, decayed to its last hour, whatever the order of folding', async () => {
  const step = fc.record({
    hours: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 30, max: 3_000 })),
    counts: fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c'),
        ago: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 9_000 })),
        accesses: fc.integer({ min: 1, max: 2_000 }),
      }),
      { maxLength: 6 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      await empty();
      const history = new Map<string, Count[]>();
      let open = monday;
      let folded = -1;
      for (const { hours, counts } of steps) {
        open += hours;
        const merged = new Map<string, Count>();
        for (const { key, ago, accesses } of counts) {
          const bucket = open - ago;
          const at = `${key} ${bucket}`;
          merged.set(at, { key, bucket, accesses: accesses + (merged.get(at)?.accesses ?? 0) });
        }
        const given = [...merged.values()];
        await count(given.filter(({ bucket }) => bucket > folded));
        await countLate(given.filter(({ bucket }) => bucket <= folded));
        for (const each of given) history.set(each.key, [...(history.get(each.key) ?? []), each]);
        await forecasts.fold(closing(open));
        folded = open;
        open += 1;
      }
      const found = await states();
      expect([...found.keys()]).toEqual([...history.keys()].sort());
      for (const [key, counts] of history) expectState(found.get(key), counts);
    }),
    { numRuns: 15 },
  );
});

test('an hour is folded only when it is over, and a minute of grace with it', async () => {
  await count([{ key: 'a', bucket: monday, accesses: 5 }]);
  expect(await forecasts.fold(closing(monday) - 2_000)).toEqual({ buckets: 0, keys: 0 });
  expect(await states()).toEqual(new Map());
  expect(await forecasts.fold(closing(monday))).toEqual({ buckets: 1, keys: 1 });
  expectState((await states()).get('a'), [{ key: 'a', bucket: monday, accesses: 5 }]);
});

test('what is folded once is not folded again', async () => {
  const counts = [0, 1, 2].map((hour) => ({ key: 'a', bucket: monday + hour, accesses: 7 }));
  await count(counts);
  expect(await forecasts.fold(closing(monday + 2))).toEqual({ buckets: 3, keys: 3 });
  const before = await states();
  expect(await forecasts.fold(closing(monday + 2))).toEqual({ buckets: 0, keys: 0 });
  expect(await forecasts.fold(closing(monday))).toEqual({ buckets: 0, keys: 0 });
  expect(await forecasts.fold(closing(monday + 9))).toEqual({ buckets: 7, keys: 0 });
  expect(await states()).toEqual(before);
});

test('workers that fold at once fold each hour and each late count once', async () => {
  const counts = [0, 1, 5].map((hour) => ({ key: 'a', bucket: monday + hour, accesses: 3 }));
  const late = { key: 'a', bucket: monday - 100, accesses: 11 };
  await count(counts);
  await countLate([late]);
  const all = await Promise.all([1, 2, 3, 4].map(() => forecasts.fold(closing(monday + 5))));
  expect(all.reduce((sum, { keys }) => sum + keys, 0)).toBe(4);
  expectState((await states()).get('a'), [...counts, late]);
  expect(await db.rows('select from samovar.access_late')).toEqual([]);
});

test('a fold that finds another under way waits for it, and folds nothing twice', async () => {
  const counts = [0, 1, 5].map((hour) => ({ key: 'a', bucket: monday + hour, accesses: 3 }));
  const late = { key: 'a', bucket: monday - 100, accesses: 11 };
  await count(counts);
  await countLate([late]);
  await holdingMark(async ({ waiting, release }) => {
    const first = forecasts.fold(closing(monday + 5));
    await waiting(1);
    const second = forecasts.fold(closing(monday + 5));
    await waiting(2);
    await release();
    // Each takes the next hour that nobody has taken.
    const all = await Promise.all([first, second]);
    expect(all.reduce((sum, { keys }) => sum + keys, 0)).toBe(4);
  });
  expectState((await states()).get('a'), [...counts, late]);
});

test('a worker that dies before its commit has folded nothing', async () => {
  const counts = [{ key: 'a', bucket: monday, accesses: 4 }];
  const late = { key: 'b', bucket: monday - 9, accesses: 2 };
  await count(counts);
  await countLate([late]);
  await holdingMark(async ({ waiting }) => {
    const dying = forecasts.fold(closing(monday)).then(
      () => 'folded',
      () => 'died',
    );
    const [backend] = await waiting(1);
    await db.rows('select pg_terminate_backend($1)', [backend]);
    expect(await dying).toBe('died');
  });
  expect(await states()).toEqual(new Map());
  await forecasts.fold(closing(monday));
  expectState((await states()).get('a'), counts);
  expectState((await states()).get('b'), [late]);
});

test('a fold that cannot read what its experts did gives up, and the next one folds the hour once', async () => {
  const counts = [0, 1].map((hour) => ({ key: 'a', bucket: monday + hour, accesses: 40 }));
  await count(counts);
  await forecasts.fold(closing(monday));
  const holder = await db.pool.connect();
  try {
    // As a migration does. The fold itself holds nothing that would wait for it: Postgres sees no deadlock.
    await holder.query('begin; lock table samovar.expert in access exclusive mode');
    await expect(forecasts.fold(closing(monday + 1))).rejects.toThrow('lock timeout');
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  expectState((await states()).get('a'), counts.slice(0, 1));
  expect(await forecasts.fold(closing(monday + 1))).toEqual({ buckets: 1, keys: 1 });
  expectState((await states()).get('a'), counts);
});

describe('late counts', () => {
  test('weigh what they would have weighed in time', async () => {
    const counts = [10, 2, 0].map((ago) => ({ key: 'a', bucket: monday - ago, accesses: 6 }));
    await count([counts[0]!, counts[2]!]);
    await forecasts.fold(closing(monday));
    await countLate([counts[1]!]);
    expect(await forecasts.fold(closing(monday))).toEqual({ buckets: 0, keys: 1 });
    expectState((await states()).get('a'), counts);
  });

  test('make a state for a key that had none', async () => {
    await forecasts.fold(closing(monday));
    const late = { key: 'new', bucket: monday - 500, accesses: 9 };
    await countLate([late]);
    await forecasts.fold(closing(monday));
    expectState((await states()).get('new'), [late]);
  });

  test('of an hour that is not closed wait for it', async () => {
    const early = { key: 'a', bucket: monday + 1, accesses: 9 };
    await countLate([early]);
    await forecasts.fold(closing(monday));
    expect(await states()).toEqual(new Map());
    await forecasts.fold(closing(monday + 1));
    expectState((await states()).get('a'), [early]);
  });
});

test('a gap of months leaves the long memory and no error', async () => {
  const counts = [0, 24 * 90].map((hour) => ({ key: 'a', bucket: monday + hour, accesses: 1 }));
  for (const each of counts) {
    await count([each]);
    await forecasts.fold(closing(each.bucket));
  }
  const state = (await states()).get('a');
  expectState(state, counts);
  expect(state!.e1).toBe(1);
});

test('hours of day are kept for keys that are read enough, and let go when they are not', async () => {
  const often = [0, 1, 25].map((hour) => ({ key: 'often', bucket: monday + hour, accesses: 20 }));
  await count([...often, { key: 'seldom', bucket: monday, accesses: 7 }]);
  await forecasts.fold(closing(monday + 25));
  const found = await states();
  expect(found.get('seldom')!.hours).toBeNull();
  expect(found.get('often')!.hours).not.toBeNull();
  const hours = found.get('often')!.hours!;
  expect(hours[0]).toBeCloseTo(20 * 0.5 ** (25 / 72), 3);
  expect(hours[1]).toBeCloseTo(20 + 20 * 0.5 ** (24 / 72), 3);
  expect(hours.slice(2)).toEqual(new Array(22).fill(0));

  await count([{ key: 'often', bucket: monday + 1_000, accesses: 1 }]);
  await forecasts.fold(closing(monday + 1_000));
  expect((await states()).get('often')!.hours).toBeNull();
});

test('when the clocks of readers change, the hour in which they rise follows within days', async () => {
  const day = (back: number, opens: number) =>
    Array.from({ length: 8 }, (_, i) => ({ key: 'a', bucket: monday + 24 * back + opens + i, accesses: 20 }));
  const rises = async (at: number) =>
    (await forecasts.rises('products', { now: closing(at), most: 10 })).rises.map(({ hour }) => hour);
  // Nine in the morning in Berlin: 8 UTC in winter, 7 in summer.
  await count(Array.from({ length: 6 }, (_, back) => day(back, 8)).flat());
  await forecasts.fold(closing(monday + 6 * 24));
  expect(await rises(monday + 6 * 24)).toEqual([8]);
  await count(Array.from({ length: 3 }, (_, back) => day(6 + back, 7)).flat());
  await forecasts.fold(closing(monday + 9 * 24));
  expect(await rises(monday + 9 * 24)).toEqual([7]);
});

test('a clock that was set back folds nothing twice', async () => {
  const counts = [{ key: 'a', bucket: monday, accesses: 4 }];
  await count(counts);
  await forecasts.fold(closing(monday));
  await foldClosed(db.pool, experts, closing(monday - 50));
  await foldClosed(db.pool, experts, closing(monday));
  expectState((await states()).get('a'), counts);
});

test('an hour of day that was last read more than a year ago stops no fold', async () => {
  await count([{ key: 'a', bucket: monday, accesses: 100 }]);
  await forecasts.fold(closing(monday));
  for (let day = 1; day <= 24; day++) {
    const bucket = monday + day * 24 * 30 + 9;
    await count([{ key: 'a', bucket, accesses: 100 }]);
    await forecasts.fold(closing(bucket));
  }
  const { hours } = (await states()).get('a')!;
  expect(hours![0]).toBe(0);
  expect(hours![9]).toBeGreaterThan(99);
});
