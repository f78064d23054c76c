import { expect, test } from 'vitest';
import { createHeat } from '../../../src/cache/heat.ts';
import { createNegatives } from '../../../src/cache/negatives.ts';
import { minuteMs } from '../../../src/duration.ts';
import { fakeClock } from '../../support/index.ts';

test('heat is reads a minute, and fades', async () => {
  const clock = fakeClock();
  const heat = createHeat(clock);
  expect(heat.of('a')).toBe(0);
  for (let minute = 0; minute < 60; minute++) {
    for (let i = 0; i < 30; i++) heat.read('a');
    heat.read('b');
    await clock.advance(minuteMs);
  }
  expect(heat.of('a')).toBeGreaterThan(25);
  expect(heat.of('a')).toBeLessThan(32);
  expect(heat.of('b')).toBeCloseTo(heat.of('a') / 30);
  await clock.advance(60 * minuteMs);
  expect(heat.of('a')).toBeLessThan(0.1);
});

test('heat is kept for so many keys only, and for those that are read most', () => {
  const heat = createHeat(fakeClock());
  for (let i = 0; i < 10; i++) heat.read('hot');
  for (let i = 0; i < 60_000; i++) heat.read(`key ${i}`);
  expect(heat.of('hot')).toBeGreaterThan(0);
  expect(heat.of('key 0')).toBe(0);
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
