import { expect, test } from 'vitest';
import { createPatience } from '../../../src/cache/patience.ts';
import { nextTurn } from '../../../src/clock.ts';
import { fakeClock } from '../../support/index.ts';

const clock = fakeClock();
const patience = createPatience(clock, 100);
/** How a question ends that is asked now and never answered, by the time that goes by. */
const asking = (askedAt: number) => {
  let isLate = false;
  patience(new Promise(() => {}), askedAt).catch(({ code }: { code: string }) => {
    isLate = code === 'E_STORE_UNAVAILABLE';
  });
  return async (ms: number) => {
    await clock.advance(ms);
    await nextTurn();
    return isLate;
  };
};

test('a further question has what is left of one patience, however little', async () => {
  const from = clock.elapsed();
  await clock.advance(97);
  const after = asking(from);
  expect(await after(2)).toBe(false);
  expect(await after(1)).toBe(true);
});

test('one that is asked when all of it was over, for the process stood still, has some of its own', async () => {
  const from = clock.elapsed();
  await clock.advance(100);
  const after = asking(from);
  expect(await after(9)).toBe(false);
  expect(await after(1)).toBe(true);
});

test('an answer that is there when the time is found to be over is an answer', async () => {
  let answer = (_: string) => {};
  const asked = patience(
    new Promise<string>((resolve) => {
      answer = resolve;
    }),
    clock.elapsed(),
  );
  const advanced = clock.advance(100);
  setImmediate(() => answer('there'));
  await advanced;
  expect(await asked).toBe('there');
});
