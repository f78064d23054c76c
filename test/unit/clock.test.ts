import { expect, test } from 'vitest';
import { deadline, systemClock } from '../../src/clock.ts';
import { dayMs } from '../../src/duration.ts';
import { fakeClock } from '../support/index.ts';

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

test('the signal and the promise of a limit are those of its end, asked for before or after it', async () => {
  const clock = fakeClock();
  const late = new Error('late');
  const [before, after] = [deadline(clock, 10, () => late), deadline(clock, 10, () => late)];
  const { signal, over } = before;
  const told = over.catch((why: unknown) => why);
  expect([signal.aborted, before.isReason(late)]).toEqual([false, false]);
  await clock.advance(10);
  expect([signal.reason, await told]).toEqual([late, late]);
  expect([after.signal.reason, await after.over.catch((why: unknown) => why)]).toEqual([late, late]);
  expect([after.isReason(late), after.isReason(new Error('late'))]).toEqual([true, false]);
});

test('a limit is over when the one around it is, and never once its work has ended', async () => {
  const clock = fakeClock();
  const outer = new AbortController();
  const inner = deadline(clock, 10, () => new Error('late'), outer.signal);
  const done = deadline(clock, 10, () => new Error('late'), outer.signal);
  done.done();
  outer.abort('enough');
  await clock.advance(10);
  expect([inner.signal.reason, done.signal.aborted]).toEqual(['enough', false]);
  expect(deadline(clock, 10, () => new Error('late'), outer.signal).signal.reason).toBe('enough');
});
