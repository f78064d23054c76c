import { expect, test } from 'vitest';
import { createAnswers } from '../../../src/cache/answers.ts';
import { nextTurn } from '../../../src/clock.ts';

test('one answer is given at once', () => {
  const inTurn = createAnswers();
  const given: string[] = [];
  inTurn(() => given.push('a'));
  expect(given).toEqual(['a']);
});

test('of more that come together a part is given in each turn, in their order, and none waits long', async () => {
  const inTurn = createAnswers();
  const given: number[] = [];
  for (let i = 0; i < 17; i++) inTurn(() => given.push(i));
  const parts = [given.length];
  for (let turns = 0; given.length < 17 && turns < 17; turns++) {
    await nextTurn();
    parts.push(given.length - parts.reduce((sum, part) => sum + part));
  }
  expect(parts).toEqual([1, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect(given).toEqual(Array.from({ length: 17 }, (_, i) => i));
});

test('what comes when all were given is given at once again', async () => {
  const inTurn = createAnswers();
  const given: string[] = [];
  inTurn(() => given.push('a'));
  await nextTurn();
  await nextTurn();
  inTurn(() => given.push('b'));
  expect(given).toEqual(['a', 'b']);
});
