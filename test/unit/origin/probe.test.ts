import { expect, test } from 'vitest';
import { defineOrigin } from '../../../src/define.ts';
import { createProbe } from '../../../src/origin/probe.ts';
import { fakeClock } from '../../../src/testing/clock.ts';

test('an origin without a probe is never saturated', async () => {
  expect(await createProbe(defineOrigin('db'), fakeClock())()).toBe(false);
});

test('the probe is asked once a second, and its answer holds meanwhile', async () => {
  const clock = fakeClock();
  let asked = 0;
  let busy = 0.9;
  const isSaturated = createProbe(
    defineOrigin('db', {
      probe: async () => {
        asked += 1;
        return busy;
      },
    }),
    clock,
  );
  expect([await isSaturated(), await isSaturated(), asked]).toEqual([true, true, 1]);
  busy = 0.8;
  await clock.advance(1_000);
  expect([await isSaturated(), asked]).toEqual([false, 2]);
});

test('a probe that fails or hangs says nothing', async () => {
  const clock = fakeClock();
  const failing = defineOrigin('db', { probe: () => Promise.reject(new Error('no')) });
  expect(await createProbe(failing, clock)()).toBe(false);
  const hanging = createProbe(defineOrigin('db', { probe: () => new Promise(() => {}) }), clock)();
  await clock.advance(1_000);
  expect(await hanging).toBe(false);
});
