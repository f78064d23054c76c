import { expect, test } from 'vitest';
import { renewedMs } from '../../../src/ttl/period.ts';

const usual = { configuredMs: 10_000, lastMs: 10_000, hasChanged: false, mayShorten: true, min: 0.1, max: 4 };

test('a value that was the same lives a tenth longer, one that changed a tenth shorter', () => {
  expect(renewedMs(usual)).toBe(11_000);
  expect(renewedMs({ ...usual, hasChanged: true })).toBe(9_000);
  expect(renewedMs({ ...usual, lastMs: 11_000 })).toBe(12_100);
});

test('never beyond the bounds, however often', () => {
  const after = (hasChanged: boolean) => {
    let lastMs = 10_000;
    for (let i = 0; i < 100; i++) lastMs = renewedMs({ ...usual, lastMs, hasChanged });
    return lastMs;
  };
  expect(after(false)).toBe(40_000);
  expect(after(true)).toBe(1_000);
  expect(renewedMs({ ...usual, max: 1 })).toBe(10_000);
});

test('nothing gets shorter while the origin has enough to do', () => {
  expect(renewedMs({ ...usual, hasChanged: true, mayShorten: false })).toBe(10_000);
  expect(renewedMs({ ...usual, mayShorten: false })).toBe(11_000);
});

test('what was expired by hand begins with what is configured', () => {
  expect(renewedMs({ ...usual, lastMs: -5 })).toBe(11_000);
});
