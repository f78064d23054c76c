import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayMs, hourMs, minuteMs, secondMs } from '../../../src/duration.ts';
import { proposeTimes, stepMs } from '../../../src/plan/when.ts';
import type { Rise, RiseInput } from '../../../src/rooms.ts';

const midnight = Date.UTC(2026, 0, 5);
const rise = (hour: number, more: Partial<Rise> = {}): Rise => ({
  hour,
  keys: 600,
  readsPerHour: 1_000,
  costMs: 10,
  ...more,
});
const input = (more: Partial<RiseInput> = {}): RiseInput => ({
  cache: 'products',
  origin: 'db',
  perSecond: 100,
  concurrency: 4,
  top: 1_000,
  ttlMs: 6 * hourMs,
  rises: [rise(8)],
  ...more,
});
const propose = (more: Partial<RiseInput>, now = midnight) => proposeTimes([input(more)], now);
const minutesBefore = ({ by, slots }: { by: number; slots: readonly { at: number }[] }) =>
  slots.map(({ at }) => (by - at) / minuteMs);

test('a group is warm by the hour in which it rises, today or tomorrow', () => {
  expect(propose({})[0]).toMatchObject({ by: midnight + 8 * hourMs, keys: 600, left: 0 });
  expect(propose({}, midnight + 8 * hourMs)[0]!.by).toBe(midnight + dayMs + 8 * hourMs);
});

test('it is loaded in slots of some hundred keys, late within the hour before', () => {
  expect(propose({})[0]!.slots).toEqual(
    [15, 10, 5].map((minutes) => ({ at: midnight + 8 * hourMs - minutes * minuteMs, keys: 200 })),
  );
});

test('what is loaded is still fresh for half of its ttl at least', () => {
  expect(Math.max(...minutesBefore(propose({ ttlMs: 40 * minuteMs, perSecond: 0.5 })[0]!))).toBe(20);
  expect(minutesBefore(propose({ ttlMs: 4 * minuteMs })[0]!)).toEqual([2]);
  expect(minutesBefore(propose({ ttlMs: 10 * secondMs })[0]!)).toEqual([1]);
});

test('a budget that is short spreads it over the whole hour, and says what is left out', () => {
  const [time] = propose({ perSecond: 0.1 });
  expect(minutesBefore(time!)).toEqual([60, 55, 50, 45, 40, 35, 30, 25, 20, 15, 10, 5]);
  expect(time!.slots.map(({ keys }) => keys)).toEqual(Array.from({ length: 12 }, () => 24));
  expect(time).toMatchObject({ keys: 288, left: 312 });
  expect(propose({ perSecond: 0 })[0]).toMatchObject({ keys: 0, left: 600, slots: [] });
});

test('without a rate the loads that may run at once, and what each takes, are the budget', () => {
  const { perSecond: _, ...unlimited } = input({ concurrency: 1, rises: [rise(8, { costMs: 60_000 })] });
  expect(proposeTimes([unlimited], midnight)[0]).toMatchObject({ keys: 48, left: 552 });
});

test('groups that share an origin keep out of each other’s way', () => {
  const names = ['a', 'b', 'c', 'd'];
  const times = proposeTimes(
    names.map((cache) => input({ cache })),
    midnight,
  );
  const instants = times.flatMap(({ slots }) => slots.map(({ at }) => at));
  expect(new Set(instants).size).toBe(12);
  const apart = proposeTimes([input(), input({ cache: 'b', origin: 'other' })], midnight);
  expect(minutesBefore(apart[0]!)).toEqual(minutesBefore(apart[1]!));
});

test('no more than a plan of the cache holds; a tenth of that where reads cannot be forecast', () => {
  expect(propose({ top: 50 })[0]).toMatchObject({ keys: 50, left: 0 });
  expect(propose({ confidence: 0.05 })[0]).toMatchObject({ keys: 60, left: 0 });
  expect(propose({ rises: [rise(8, { readsPerHour: 0.5 })] })).toEqual([]);
});

test('what rises in a moment is loaded in what is left of the time', () => {
  const now = midnight + 8 * hourMs - 7 * minuteMs;
  expect(minutesBefore(propose({}, now)[0]!)).toEqual([7, 5]);
  expect(minutesBefore(propose({}, now + 6 * minuteMs + 1)[0]!)).toEqual([1]);
});

describe('whatever the caches', () => {
  const caches = fc.array(
    fc.record({
      origin: fc.constantFrom('db', 'api'),
      top: fc.integer({ min: 1, max: 5_000 }),
      ttlMs: fc.integer({ min: secondMs, max: dayMs }),
      rises: fc.uniqueArray(
        fc.record({
          hour: fc.integer({ min: 0, max: 23 }),
          keys: fc.integer({ min: 1, max: 20_000 }),
          readsPerHour: fc.integer({ min: 1, max: 10_000 }),
          costMs: fc.constant(10),
        }),
        { selector: ({ hour }) => hour, maxLength: 24 },
      ),
    }),
    { maxLength: 6 },
  );

  test('no origin is asked for more than its budget, nothing is early, late or lost', () => {
    fc.assert(
      fc.property(
        caches,
        fc.integer({ min: 0, max: dayMs }),
        fc.integer({ min: 0, max: 50 }),
        (some, after, rate) => {
          const now = midnight + after;
          const inputs = some.map((each, i) => input({ ...each, cache: `c${i}`, perSecond: rate }));
          const times = proposeTimes(inputs, now);
          const perStep = new Map<string, number>();
          for (const { cache, by, keys, left, slots } of times) {
            const { origin, ttlMs, top, rises } = inputs.find((each) => each.cache === cache)!;
            const group = rises.find(({ hour }) => hour === new Date(by).getUTCHours())!;
            expect(keys + left).toBe(Math.min(top, group.keys));
            expect(slots.reduce((sum, slot) => sum + slot.keys, 0)).toBe(keys);
            for (const { at, keys: some } of slots) {
              expect(
                at > now - minuteMs && at < by && by - at <= Math.max(minuteMs, Math.min(hourMs, ttlMs / 2)),
              ).toBe(true);
              const step = `${origin} ${Math.floor(at / stepMs)}`;
              perStep.set(step, (perStep.get(step) ?? 0) + some);
            }
          }
          for (const loads of perStep.values()) expect(loads).toBeLessThanOrEqual((rate * stepMs) / secondMs);
        },
      ),
    );
  });
});
