import { expect, test } from 'vitest';
import { type Open, OpenQuestions } from '../../../src/store/open-questions.ts';

const minuteMs = 60_000;

function asked(questions: OpenQuestions) {
  const question = {
    isSettled: false,
    until: 0,
    error: undefined as Error | undefined,
    settle() {
      this.isSettled = true;
      questions.settled();
    },
    reject(error: Error) {
      this.error = error;
      this.settle();
    },
  };
  return question satisfies Open;
}
const many = (questions: OpenQuestions, count: number, ms = minuteMs) =>
  Array.from({ length: count }, () => {
    const question = asked(questions);
    questions.add(question, ms);
    return question;
  });

test('places of settled questions are given up, in whatever order they are settled', () => {
  const questions = new OpenQuestions();
  const [before, [open], after] = [many(questions, 63), many(questions, 1), many(questions, 5)];
  for (const question of before) question.settle();
  for (const question of after) question.settle();
  open!.settle();
  for (let i = 0; i < 1_000; i++) many(questions, 1)[0]!.settle();
  expect(questions.places).toBeLessThan(64);
  questions.isOver = true;
  questions.rest();
});

test('a question whose time is over is told so, and a younger one is not', async () => {
  const questions = new OpenQuestions();
  const [late] = many(questions, 1, 5);
  const [young] = many(questions, 1);
  await expect.poll(() => late!.error?.message).toBe('Command timed out');
  expect(young!.error).toBeUndefined();
  questions.isOver = true;
  young!.settle();
});
