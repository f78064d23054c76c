import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hourMs, minuteMs } from '../../../src/duration.ts';
import { buildPlan } from '../../../src/plan/build.ts';
import type { Look, PlanInput, PlanRow, Wish } from '../../../src/rooms.ts';

const at = Date.UTC(2026, 0, 5, 9);
const missing: Look = { state: 'missing', freshUntil: 0 };
const fresh = (forMs: number): Look => ({ state: 'fresh', freshUntil: at + forMs });
const perHour = (accesses: number) => accesses / 3_600;

type Given = Wish & { readonly look?: Look };
const wish = (key: string, given: Partial<Given> = {}): Given => ({ key, source: 'forecast', ...given });
const hot = (key: string, accesses: number, given: Partial<Given> = {}) =>
  wish(key, { heat: perHour(accesses), costMs: 100, bytes: 1_000, ...given });

function input(wishes: readonly Given[], change: Partial<PlanInput> = {}): PlanInput {
  return {
    cache: 'products',
    at,
    horizonMs: hourMs,
    ttlMs: 10 * hourMs,
    wishes: wishes.map(({ look: _, ...rest }) => rest),
    looks: wishes.map(({ look }) => look ?? missing),
    budget: { keys: 100 },
    isTight: false,
    ...change,
  };
}
const plan = (wishes: readonly Given[], change: Partial<PlanInput> = {}) => buildPlan(input(wishes, change));
const keys = (rows: readonly PlanRow[]) => rows.map(({ key }) => key);

describe('ranking', () => {
  test('is by the waiting that a load is expected to save', () => {
    const wishes = [
      hot('often', 50),
      hot('dear', 0.5, { costMs: 900 }),
      hot('seldom', 0.5),
      hot('always', 5_000),
    ];
    const { rows, totals } = plan(wishes);
    expect(keys(rows)).toEqual(['dear', 'always', 'often', 'seldom']);
    expect(rows[3]!.savingMs).toBeCloseTo((1 - Math.exp(-0.5)) * 100, 6);
    expect(totals.savingMs).toBeCloseTo(
      rows.reduce((sum, row) => sum + row.savingMs, 0),
      6,
    );
  });

  test('never counts more than one wait for a load, however hot the key', () => {
    expect(plan([hot('a', 1e9)]).rows[0]!.savingMs).toBe(100);
  });

  test('counts only reads that come while the entry lives', () => {
    const [row] = plan([hot('a', 2)], { ttlMs: hourMs / 4 }).rows;
    expect(row!.savingMs).toBeCloseTo((1 - Math.exp(-0.5)) * 100, 6);
  });

  test('comes before the cut: the best keys are kept, wherever they were wished for', () => {
    const wishes = Array.from({ length: 50 }, (_, i) => hot(`k${i}`, (((i * 37) % 50) + 1) / 10));
    const { rows, left } = plan(wishes, { budget: { keys: 5 } });
    const worst = Math.min(...rows.map(({ savingMs }) => savingMs));
    expect(rows).toHaveLength(5);
    expect(Math.max(...left.map(({ savingMs }) => savingMs))).toBeLessThan(worst);
    expect(left[0]!.reason).toBe('below the cut of 5 keys');
  });

  test('puts what somebody asked for before what is forecast, in the order asked where nothing else is known', () => {
    const wishes = [
      hot('hot', 500),
      wish('z', { source: 'list' }),
      wish('a', { source: 'list' }),
      wish('m', { source: 'sql' }),
    ];
    expect(keys(plan(wishes).rows)).toEqual(['z', 'a', 'm', 'hot']);
    expect(keys(plan(wishes, { budget: { keys: 2 } }).rows)).toEqual(['z', 'a']);
  });

  test('writes the hottest last when memory is tight, and cuts the same keys', () => {
    const wishes = [hot('a', 1), hot('b', 3), hot('c', 2)];
    expect(keys(plan(wishes, { isTight: true, budget: { keys: 2 } }).rows)).toEqual(['c', 'b']);
    expect(keys(plan(wishes, { budget: { keys: 2 } }).rows)).toEqual(['b', 'c']);
  });
});

describe('several wishes for a key', () => {
  test('are one: the hottest counts, and who asked is remembered', () => {
    const { rows, totals } = plan([
      hot('a', 1, { costMs: 5, bytes: 10 }),
      wish('a', { source: 'list' }),
      hot('a', 40, { costMs: 7, bytes: 20 }),
      hot('a', 3, { costMs: 9, bytes: 30 }),
    ]);
    expect(rows).toMatchObject([{ key: 'a', source: 'list', costMs: 7, bytes: 20 }]);
    expect(rows[0]!.heat).toBeCloseTo(perHour(40), 9);
    expect(totals).toMatchObject({ wished: 1, warm: 1 });
  });

  test('fill each other in where one knows what the other does not', () => {
    expect(plan([wish('a', { source: 'tag' }), hot('a', 2, { costMs: 3, bytes: 4 })]).rows[0]).toMatchObject({
      costMs: 3,
      bytes: 4,
    });
    expect(
      plan([wish('a', { source: 'tag', costMs: 3, bytes: 4 }), wish('a', { heat: 1 })]).rows[0],
    ).toMatchObject({ costMs: 3, bytes: 4 });
  });
});

describe('what is stored already', () => {
  test('is left alone while it stays fresh for most of the horizon', () => {
    const { rows, left, totals } = plan([hot('a', 9, { look: fresh(31 * minuteMs) }), hot('b', 1)]);
    expect(keys(rows)).toEqual(['b']);
    expect(left).toMatchObject([{ key: 'a', decision: 'fresh', reason: 'fresh for another 31 m 0 s' }]);
    expect(totals).toMatchObject({ wished: 2, warm: 1, fresh: 1, skipped: 0 });
  });

  test('is loaded again when it expires soon, and saves what comes after that', () => {
    const { rows } = plan([hot('a', 2, { look: fresh(15 * minuteMs) })]);
    expect(rows[0]!.savingMs).toBeCloseTo((1 - Math.exp(-1.5)) * 100, 6);
    expect(rows[0]!.reason).toBe('expected 2.0/h, expires in 15 m 0 s, saves 78 ms in 1 h 0 m');
  });

  test('is asked of the ttl where that is shorter than the horizon', () => {
    const look = fresh(6 * minuteMs);
    expect(plan([hot('a', 9, { look })], { ttlMs: 10 * minuteMs }).totals).toMatchObject({
      warm: 0,
      fresh: 1,
    });
    expect(plan([hot('a', 9, { look })], { ttlMs: 20 * minuteMs }).totals).toMatchObject({
      warm: 1,
      fresh: 0,
    });
  });

  test('as missing at the origin is not asked for again', () => {
    const look: Look = { state: 'negative', freshUntil: at + 1_000 };
    const { rows, left, totals } = plan([wish('a', { source: 'list', look })]);
    expect(rows).toEqual([]);
    expect(left).toMatchObject([{ key: 'a', decision: 'skip', reason: 'the origin has no such id' }]);
    expect(totals).toMatchObject({ fresh: 0, skipped: 1 });
  });
});

describe('the budget', () => {
  test('of bytes skips what does not fit and goes on', () => {
    const wishes = [
      hot('big', 900, { bytes: 5_000 }),
      hot('small', 2, { bytes: 900 }),
      hot('tiny', 1, { bytes: 50 }),
    ];
    const { rows, left, totals } = plan(wishes, { budget: { keys: 10, bytes: 1_000 } });
    expect(keys(rows).sort()).toEqual(['small', 'tiny']);
    expect(totals.bytes).toBe(950);
    expect(left).toMatchObject([{ key: 'big', reason: 'does not fit: 5,000 of at most 1,000 bytes' }]);
  });

  test('of bytes ranks by the saving of a byte where it is short, and only there', () => {
    const wishes = [
      hot('big', 900, { bytes: 900 }),
      ...[1, 2, 3].map((i) => hot(`s${i}`, 3, { bytes: 300 })),
    ];
    expect(keys(plan(wishes, { budget: { keys: 10, bytes: 1_000 } }).rows)).toEqual(['s1', 's2', 's3']);
    expect(keys(plan(wishes, { budget: { keys: 10, bytes: 2_000 } }).rows)).toEqual([
      'big',
      's1',
      's2',
      's3',
    ]);
    expect(keys(plan(wishes, { budget: { keys: 1, bytes: 1_000 } }).rows)).toEqual(['big']);
  });

  test('of rate and time cuts to what can be loaded', () => {
    const wishes = Array.from({ length: 30 }, (_, i) => hot(`k${i}`, i + 1));
    const { rows, left, totals } = plan(wishes, { budget: { keys: 100, perSecond: 2, timeMs: 5_999 } });
    expect(rows).toHaveLength(11);
    expect(totals.timeMs).toBe(5_500);
    expect(left[0]!.reason).toBe('no time left: 2 loads per second for 6.0 s');
  });

  test('of nothing per second warms nothing', () => {
    const { rows, left } = plan([hot('a', 5)], { budget: { keys: 10, perSecond: 0 } });
    expect(rows).toEqual([]);
    expect(left[0]!.reason).toContain('stopped');
  });

  test('is not spent on keys that nobody will read', () => {
    const { rows, left } = plan([wish('a', { heat: 0 }), wish('b')]);
    expect(rows).toEqual([]);
    expect(left.map(({ reason }) => reason)).toEqual(new Array(2).fill('nobody is expected to read it'));
  });
});

describe('what is not known', () => {
  test('is taken from what is: the median of the others', () => {
    const known = [1, 2, 30].map((n) => hot(`k${n}`, 1, { costMs: n, bytes: n * 10 }));
    const row = plan([...known, wish('new', { heat: 1 })]).rows.find(({ key }) => key === 'new');
    expect(row).toMatchObject({ costMs: 2, bytes: 20 });
  });

  test('has a default where nothing is known of any', () => {
    expect(plan([wish('a', { heat: 1 })]).rows[0]).toMatchObject({ costMs: 10, bytes: 1_024 });
  });

  test('is anything that cannot be', () => {
    const odd = { heat: Number.NaN, costMs: -5, bytes: Number.POSITIVE_INFINITY };
    expect(plan([wish('a', { source: 'list', ...odd })]).rows[0]).toMatchObject({
      heat: 0,
      costMs: 10,
      bytes: 1_024,
      savingMs: 0,
    });
  });
});

test('every row says why in words', () => {
  const { rows } = plan([
    hot('a', 1_930, { costMs: 21_000 }),
    wish('b', { source: 'list', heat: perHour(0.04) }),
    wish('c', { source: 'function' }),
  ]);
  expect(rows.map(({ reason }) => reason)).toEqual([
    'on the list, expected 0.04/h, missing, saves 823 ms in 1 h 0 m',
    'named by a function, missing',
    'expected 1,930/h, missing, saves 21.0 s in 1 h 0 m',
  ]);
});

test('what is left out is bounded, best first', () => {
  const wishes = Array.from({ length: 3_000 }, (_, i) => hot(`k${i}`, i + 1));
  const { left, totals } = plan(wishes, { budget: { keys: 10 } });
  expect(left).toHaveLength(1_000);
  expect(left[0]!.key).toBe('k2989');
  expect(totals).toMatchObject({ wished: 3_000, warm: 10, skipped: 2_990 });
});

test('a key that Postgres cannot hold stops no other', () => {
  const { rows, left } = plan([wish('a\0b', { source: 'list' }), wish('c', { source: 'list' })]);
  expect(keys(rows)).toEqual(['c']);
  expect(left[0]!.reason).toContain('NUL');
});

describe('any plan', () => {
  const look = fc.oneof(
    fc.constant(missing),
    fc.record({
      state: fc.constantFrom('fresh', 'negative'),
      freshUntil: fc.integer({ min: at - hourMs, max: at + 2 * hourMs }),
    }),
  ) as fc.Arbitrary<Look>;
  const amount = (max: number) => fc.option(fc.double({ min: 0, max, noNaN: true }), { nil: undefined });
  const given: fc.Arbitrary<Given> = fc
    .record({
      key: fc.string({ maxLength: 3 }),
      source: fc.constantFrom('forecast', 'list', 'sql', 'function', 'tag'),
      heat: amount(50),
      costMs: amount(1_000),
      bytes: amount(5_000),
      look,
    })
    .map((each) => JSON.parse(JSON.stringify(each)) as Given);
  const inputs = fc
    .record({
      wishes: fc.array(given, { maxLength: 60 }),
      keys: fc.integer({ min: 0, max: 40 }),
      bytes: amount(20_000),
      perSecond: amount(20),
      timeMs: amount(5_000),
      horizonMs: fc.integer({ min: 0, max: 2 * hourMs }),
      ttlMs: fc.integer({ min: 0, max: 2 * hourMs }),
      isTight: fc.boolean(),
    })
    .map(({ wishes, keys, bytes, perSecond, timeMs, ...rest }) =>
      input(wishes, {
        ...rest,
        budget: {
          keys,
          ...(bytes === undefined ? {} : { bytes }),
          ...(perSecond === undefined ? {} : { perSecond }),
          ...(timeMs === undefined ? {} : { timeMs }),
        },
      }),
    );

  test('stays within every budget, and tells of each key once', () => {
    fc.assert(
      fc.property(inputs, (made) => {
        const { budget, wishes } = made;
        const { rows, left, totals } = buildPlan(made);
        expect(rows.length).toBeLessThanOrEqual(budget.keys);
        const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
        if (budget.bytes !== undefined) expect(bytes).toBeLessThanOrEqual(budget.bytes);
        if (budget.perSecond !== undefined && budget.timeMs !== undefined) {
          expect(rows.length).toBeLessThanOrEqual((budget.perSecond * budget.timeMs) / 1_000);
          expect(totals.timeMs).toBeLessThanOrEqual(budget.timeMs * 1.000001);
        }
        const told = [...keys(rows), ...keys(left)];
        expect(new Set(told).size).toBe(told.length);
        expect(new Set(told)).toEqual(new Set(wishes.map(({ key }) => key)));
        expect(totals.warm + totals.fresh + totals.skipped).toBe(totals.wished);
        for (const row of rows) {
          expect(row.decision).toBe('warm');
          expect(row.savingMs).toBeLessThanOrEqual(row.costMs);
          expect(row.reason).not.toBe('');
        }
      }),
      { numRuns: 500 },
    );
  });

  test('leaves out nothing that would have fitted and saves more than what it took', () => {
    fc.assert(
      fc.property(inputs, (made) => {
        const { budget } = made;
        if (budget.bytes !== undefined) return;
        const { rows, left } = buildPlan(made);
        const cut = left.filter(
          ({ decision, savingMs, source }) => decision === 'skip' && (savingMs > 0 || source !== 'forecast'),
        );
        const couldBe = cut.filter(({ reason }) => !reason.startsWith('the origin'));
        const isAsked = ({ source }: PlanRow) => source !== 'forecast';
        for (const out of couldBe) {
          for (const taken of rows) {
            if (isAsked(taken) === isAsked(out)) expect(taken.savingMs).toBeGreaterThanOrEqual(out.savingMs);
            else expect(isAsked(taken)).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('goes on to smaller keys after one that does not fit', () => {
    fc.assert(
      fc.property(inputs, (made) => {
        const { budget } = made;
        if (budget.bytes === undefined) return;
        const { rows, left } = buildPlan(made);
        const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
        for (const out of left.filter(({ reason }) => reason.startsWith('does not fit'))) {
          // Where another came in after it, that one was smaller than what was free then.
          expect(bytes + out.bytes).toBeGreaterThan(budget.bytes);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('traffic that cannot be forecast', () => {
  const many = Array.from({ length: 50 }, (_, i) => hot(`k${i}`, 50 - i));

  test('gets a tenth of the keys, and the plan says so', () => {
    const { rows, left, totals } = plan(many, { budget: { keys: 40 }, confidence: 0.06 });
    expect(keys(rows)).toEqual(['k0', 'k1', 'k2', 'k3']);
    expect(totals).toMatchObject({ isCautious: true, confidence: 0.06 });
    expect(left[0]!.reason).toMatch(/cannot be forecast \(6 % /);
  });

  test('gets a tenth of the bytes and of the time', () => {
    expect(plan(many, { budget: { keys: 500, bytes: 20_000 }, confidence: 0.06 }).rows).toHaveLength(2);
    const timed = { keys: 500, perSecond: 1, timeMs: 30_000 };
    expect(plan(many, { budget: timed, confidence: 0.06 }).rows).toHaveLength(3);
  });

  test('leaves what somebody asked for alone', () => {
    const asked = Array.from({ length: 20 }, (_, i) => wish(`a${i}`, { source: 'list' }));
    const { rows } = plan([...many, ...asked], { budget: { keys: 30 }, confidence: 0.06 });
    expect(rows.filter(({ source }) => source === 'list')).toHaveLength(20);
    expect(rows.filter(({ source }) => source === 'forecast')).toHaveLength(3);
  });

  test('is what is known to be such: with more confidence, or none known, nothing is held back', () => {
    for (const confidence of [{ confidence: 0.1 }, {}]) {
      const { rows, totals } = plan(many, { budget: { keys: 40 }, ...confidence });
      expect(rows).toHaveLength(40);
      expect(totals.isCautious).toBe(false);
    }
  });
});
