import { expect, test } from 'vitest';
import { createNegatives } from '../../../src/cache/negatives.ts';
import { createRates } from '../../../src/cache/rates.ts';
import { minuteMs } from '../../../src/duration.ts';
import { fakeClock } from '../../support/index.ts';

test('rates is reads a minute, and fades', async () => {
  const clock = fakeClock();
  const rates = createRates(clock);
  expect(rates.of('a')).toBe(0);
  for (let minute = 0; minute < 60; minute++) {
    for (let i = 0; i < 30; i++) rates.read('a');
    rates.read('b');
    await clock.advance(minuteMs);
  }
  expect(rates.of('a')).toBeGreaterThan(25);
  expect(rates.of('a')).toBeLessThan(32);
  expect(rates.of('b')).toBeCloseTo(rates.of('a') / 30);
  await clock.advance(60 * minuteMs);
  expect(rates.of('a')).toBeLessThan(0.1);
});

test('rates is kept for so many keys only, and for those that are read most', () => {
  const rates = createRates(fakeClock());
  for (let i = 0; i < 10; i++) rates.read('hot');
  for (let i = 0; i < 60_000; i++) rates.read(`key ${i}`);
  expect(rates.of('hot')).toBeGreaterThan(0);
  expect(rates.of('key 0')).toBe(0);
});

test('negative entries are let in up to a number at once', async () => {
  const clock = fakeClock();
  const may = createNegatives(3, clock);
  expect([may(1_000), may(1_000), may(2_000), may(1_000)]).toEqual([true, true, true, false]);
  await clock.advance(1_000);
  expect([may(1_000), may(1_000), may(1_000)]).toEqual([true, true, false]);
  for (let i = 0; i < 5_000; i++) {
    await clock.advance(1_000);
    expect(may(1_000)).toBe(true);
  }
});
