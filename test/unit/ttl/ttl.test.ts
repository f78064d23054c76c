import { describe, expect, test } from 'vitest';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import { dayMs, durationMs, hourMs, minuteMs } from '../../../src/duration.ts';
import { key } from '../../../src/key.ts';
import type { TtlPolicy } from '../../../src/lifetime.ts';
import { policyOf, ttl } from '../../../src/ttl/ttl.ts';

const of = (policy: TtlPolicy, rate = 0, value: unknown = 'v', id: unknown = 1): number =>
  durationMs(policy.of({ id, value, readsPerMinute: () => rate }), 'ttl');

test('fixed: the same for all', () => {
  expect(ttl.fixed('10m')).toMatchObject({ longestMs: 10 * minuteMs, usualMs: 10 * minuteMs });
  expect([of(ttl.fixed('10m')), of(ttl.fixed('10m'), 1e9)]).toEqual([10 * minuteMs, 10 * minuteMs]);
});

test('sliding: its length, until its end', () => {
  const policy = ttl.sliding('10m', { most: '1h' });
  expect(policy).toMatchObject({ slideMs: 10 * minuteMs, longestMs: hourMs, usualMs: 10 * minuteMs });
  expect(of(policy)).toBe(10 * minuteMs);
  expect(() => ttl.sliding('10m', { most: '5m' })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
});

test('tiers: hot, warm and cold by reads a minute', () => {
  const policy = ttl.tiers({ hot: '1h', warm: '10m', cold: '1m', hotFrom: 20, warmFrom: 2 });
  expect([0, 1.9, 2, 19, 20, 1e6].map((rate) => of(policy, rate))).toEqual([
    minuteMs,
    minuteMs,
    10 * minuteMs,
    10 * minuteMs,
    hourMs,
    hourMs,
  ]);
  expect(policy).toMatchObject({ longestMs: hourMs, countsReads: true });
  const given = ttl.tiers<number>({
    hot: '1h',
    warm: '10m',
    cold: '1m',
    readsPerMinute: ({ id }) => id * 100,
  });
  expect([of(given as TtlPolicy, 0, 'v', 1), of(given as TtlPolicy, 99, 'v', 0)]).toEqual([hourMs, minuteMs]);
  expect(given.countsReads).toBe(false);
  expect(() => ttl.tiers({ hot: 1, warm: 1, cold: 1, hotFrom: 1, warmFrom: 2 })).toThrow('hotFrom');
});

describe('popularity', () => {
  const policy = ttl.popularity({ shortest: '1m', longest: '11m', halfAt: 10 });
  test('grows with the reads, within its bounds', () => {
    expect([0, 10, Number.POSITIVE_INFINITY].map((rate) => of(policy, rate))).toEqual([
      minuteMs,
      6 * minuteMs,
      11 * minuteMs,
    ]);
    const lengths = [0, 1, 5, 20, 100, 1e4].map((rate) => of(policy, rate));
    expect(lengths.toSorted((a, b) => a - b)).toEqual(lengths);
    expect(lengths.at(-1)).toBeLessThanOrEqual(policy.longestMs);
  });
  test('refuses bounds that are none', () => {
    expect(() => ttl.popularity({ shortest: '2m', longest: '1m' })).toThrow('longest');
  });
});

test('byValue: what the value says, by default at most a week', () => {
  const policy = ttl.byValue((value, id) => (value === 'v' ? `${Number(id)}m` : 0));
  expect([of(policy), of(policy, 0, 'v', 3), of(policy, 0, 'w')]).toEqual([minuteMs, 3 * minuteMs, 0]);
  expect(policy.longestMs).toBe(7 * dayMs);
});

test('a definition takes a length, a function or a policy', () => {
  const def = (given: unknown) =>
    defineCache('x', {
      origin: defineOrigin('db'),
      key: key.number,
      load: (ids) => ids,
      ttl: given as never,
    });
  expect(of(policyOf(def('2m')))).toBe(2 * minuteMs);
  expect(of(policyOf(def(() => '3m')))).toBe(3 * minuteMs);
  const policy = ttl.fixed(5);
  expect(policyOf(def(policy))).toBe(policy);
});
