import { describe, expect, test } from 'vitest';
import { judge, withinMs } from '../../../src/due/judge.ts';
import { dueAt, slotMsOf } from '../../../src/due/moment.ts';

const ahead = { at: 0.8, refreshCost: 0.7 };
const age = (filledAt: number, freshUntil: number) => ({ filledAt, freshUntil, filledBy: 'r' });
const verdict = (entry: ReturnType<typeof age> | undefined, chance: number, now = 1_000) =>
  judge({ keys: ['a'], ages: [entry], chances: [chance], now }, ahead)[0];

describe('a key that was due', () => {
  test('is refreshed when it is likely enough to be read, and only then', () => {
    expect(verdict(age(0, 1_000), 0.71)).toBe('refresh');
    expect(verdict(age(0, 1_000), 0.7)).toBe('unworthy');
    expect(verdict(age(0, 1_000), 0)).toBe('unworthy');
  });
  test('is left alone when it was filled since, or is gone', () => {
    expect(verdict(age(900, 1_900), 1)).toBe('fresh');
    expect(verdict(undefined, 1)).toBe('gone');
  });
  test('is refreshed when it is stale already: expired by hand, or by time', () => {
    expect(verdict(age(900, 0), 1)).toBe('refresh');
    expect(verdict(age(0, 500), 1)).toBe('refresh');
  });
});

test('a refresh adds as much time as the entry has between its fill and its due moment', () => {
  expect(withinMs(age(1_000, 2_000), ahead, 5_000)).toBe(800);
  expect(withinMs(age(1_000, 0), ahead, 5_000)).toBe(4_000);
  expect(withinMs(undefined, ahead, 5_000)).toBe(4_000);
});

describe('the due moment', () => {
  const keys = Array.from({ length: 1_000 }, (_, i) => `key:${i}`);

  test('lies between its share of the ttl and the middle of the rest, always the same for a key', () => {
    for (const key of keys) {
      const at = dueAt(key, 5_000, 1_000, ahead);
      expect(at).toBeGreaterThanOrEqual(5_800);
      expect(at).toBeLessThanOrEqual(5_900);
      expect(dueAt(key, 5_000, 1_000, ahead)).toBe(at);
    }
  });

  test('spreads a cohort that was filled at once evenly over its slots', () => {
    const ttlMs = 600_000;
    const slotMs = slotMsOf(ttlMs, ahead);
    const slots = new Map<number, number>();
    for (const key of keys) {
      const slot = Math.floor(dueAt(key, 0, ttlMs, ahead) / slotMs);
      slots.set(slot, (slots.get(slot) ?? 0) + 1);
    }
    expect(slots.size).toBe(8);
    const expected = keys.length / slots.size;
    const chiSquare = [...slots.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // Seven degrees of freedom: chance goes beyond this once in ten thousand.
    expect(chiSquare).toBeLessThan(30);
  });
});
