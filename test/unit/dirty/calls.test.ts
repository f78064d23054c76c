import { expect, test } from 'vitest';
import { createCalls } from '../../../src/dirty/calls.ts';

test('every answered call is told to be over once, a thousand at most with one call', () => {
  const calls = createCalls(60_000);
  const begun = Array.from({ length: 9_000 }, () => calls.begin());
  for (const call of begun) calls.answered(call);
  const told: string[] = [];
  for (let i = 0; i < 12; i++) {
    const { over } = calls.begin();
    expect(over.length).toBeLessThanOrEqual(1_000);
    told.push(...over);
  }
  expect(told).toEqual(begun.map(({ name }) => name));
});

test('what a call was to tell that was refused or lost is told by others, a thousand at most', () => {
  const calls = createCalls(60_000);
  for (const call of Array.from({ length: 5_000 }, () => calls.begin())) calls.answered(call);
  const [refused, lost] = [calls.begin(), calls.begin()];
  calls.refused(refused);
  calls.lost(lost);
  const told = Array.from({ length: 8 }, () => calls.begin().over);
  expect(Math.max(...told.map(({ length }) => length))).toBe(1_000);
  expect(new Set(told.flat()).size).toBe(5_000);
});
