import { expect, test } from 'vitest';
import { nextTurn } from '../../../src/clock.ts';
import { createBound } from '../../../src/origin/bound.ts';

test('a few run, some wait, the rest is refused with the reason', async () => {
  const bound = createBound({ atOnce: 2, waiting: 3 });
  let running = 0;
  let most = 0;
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const task = async () => {
    most = Math.max(most, ++running);
    await gate;
    running -= 1;
    return 'done';
  };
  const all = Array.from({ length: 5 }, () => bound(task));
  await nextTurn();
  await expect(bound(task)).rejects.toMatchObject({ code: 'E_STORE_UNAVAILABLE' });
  release();
  expect(await Promise.all(all)).toEqual(new Array(5).fill('done'));
  expect(most).toBe(2);
  await expect(bound(() => Promise.reject(new Error('own')))).rejects.toThrow('own');
});
