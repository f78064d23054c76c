import { expect, test } from 'vitest';
import { fakeClock } from '../../../src/testing/clock.ts';

test('time stands still until it is moved', async () => {
  const clock = fakeClock(1_000);
  expect([clock.now(), clock.elapsed()]).toEqual([1_000, 0]);
  await clock.advance(250);
  expect([clock.now(), clock.elapsed()]).toEqual([1_250, 250]);
});

test('what falls due runs in the order of its time, at its time', async () => {
  const clock = fakeClock(0);
  const seen: string[] = [];
  clock.after(30, () => seen.push(`c at ${clock.now()}`));
  clock.after(10, () => seen.push(`a at ${clock.now()}`));
  clock.after(10, () => seen.push(`b at ${clock.now()}`));
  clock.after(31, () => seen.push('too early'));
  await clock.advance(30);
  expect(seen).toEqual(['a at 10', 'b at 10', 'c at 30']);
  expect(clock.pending).toBe(1);
});

test('a timer set by a timer, or after a sleep, runs within the same advance', async () => {
  const clock = fakeClock(0);
  const seen: number[] = [];
  const walk = async () => {
    for (let step = 0; step < 3; step++) {
      await clock.sleep(10);
      await Promise.resolve();
      seen.push(clock.now());
    }
    clock.after(5, () => seen.push(clock.now()));
  };
  const walked = walk();
  await clock.advance(100);
  await walked;
  expect(seen).toEqual([10, 20, 30, 35]);
  expect(clock.now()).toBe(100);
});

test('a sleep ends at once when it is aborted, and leaves nothing pending', async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const slept = clock.sleep(1_000, stop.signal);
  stop.abort();
  await slept;
  await clock.sleep(1_000, AbortSignal.abort());
  expect(clock.pending).toBe(0);
});

test('a stopped timer does not run', async () => {
  const clock = fakeClock();
  let runs = 0;
  const once = clock.after(10, () => runs++);
  const often = clock.every(10, () => void runs++);
  once.stop();
  await clock.advance(9);
  often.stop();
  await clock.advance(100);
  expect([runs, clock.pending]).toEqual([0, 0]);
});

test('every repeats, never runs twice at once, and reports a failure', async () => {
  const clock = fakeClock();
  const errors: unknown[] = [];
  let release: (() => void) | undefined;
  let starts = 0;
  const timer = clock.every(
    10,
    async () => {
      starts += 1;
      if (starts === 1) throw new Error('first');
      if (starts === 2) await new Promise<void>((resolve) => (release = resolve));
    },
    (error) => errors.push(error),
  );
  await clock.advance(10);
  expect(errors).toEqual([new Error('first')]);
  await clock.advance(50);
  expect(starts).toBe(2);
  release!();
  await clock.advance(10);
  expect(starts).toBe(3);
  timer.stop();
});

test('alarms of one instant take turns', async () => {
  const clock = fakeClock();
  const seen: string[] = [];
  const a = clock.every(10, () => void seen.push('a'));
  const b = clock.every(10, () => void seen.push('b'));
  await clock.advance(30);
  expect(seen.join('')).toBe('ababab');
  a.stop();
  b.stop();
});

test('the wall clock can step without time passing', async () => {
  const clock = fakeClock(10_000);
  let rang = false;
  clock.after(5_000, () => (rang = true));
  clock.stepWall(-8_000);
  expect([clock.now(), clock.elapsed(), rang]).toEqual([2_000, 0, false]);
  await clock.advance(5_000);
  expect([clock.now(), clock.elapsed(), rang]).toEqual([7_000, 5_000, true]);
});
