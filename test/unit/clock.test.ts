import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { dayMs } from '../../src/duration.ts';

test.each([30 * dayMs, Number.POSITIVE_INFINITY])('a wait of %d ms is not over at once', async (ms) => {
  const rung: string[] = [];
  const stop = new AbortController();
  const timers = [
    systemClock.after(ms, () => void rung.push('after')),
    systemClock.every(ms, () => void rung.push('every')),
  ];
  const sleep = systemClock.sleep(ms, stop.signal).then(() => rung.push('sleep'));
  // What rings too early does so within a millisecond.
  await systemClock.sleep(5);
  for (const timer of timers) timer.stop();
  const early = [...rung];
  stop.abort();
  await sleep;
  expect(early).toEqual([]);
});
