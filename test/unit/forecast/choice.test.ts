import { expect, test } from 'vitest';
import { choose, confidenceOf, judged, noMarks, scoreOf } from '../../../src/forecast/choice.ts';

const standing = (name: string, score: number, hours = 100) => ({ name, score, hours });

test('a score is a mean of what was judged, from the first hour on', () => {
  let marks = noMarks;
  for (let hour = 1; hour <= 100; hour++) {
    marks = judged(marks, 0.4, 1);
    expect(scoreOf(marks, hour)).toBeCloseTo(0.4, 9);
  }
  // An hour after a gap of days counts more than one of many.
  expect(scoreOf(judged(marks, 1, 48), 148)).toBeGreaterThan(0.6);
});

test('who was chosen stays until another leads by more than may be chance', () => {
  expect(choose([standing('a', 0.5), standing('b', 0.503)], 'a')).toEqual({
    name: 'a',
    margin: expect.closeTo(-0.003, 9),
  });
  expect(choose([standing('a', 0.5), standing('b', 0.51)], 'a')).toEqual({
    name: 'b',
    margin: expect.closeTo(0.01, 9),
  });
  // After few hours a lead must be larger.
  expect(choose([standing('a', 0.5, 8), standing('b', 0.51, 8)], 'a')?.name).toBe('a');
  expect(choose([standing('a', 0.5, 8), standing('b', 0.6, 8)], 'a')?.name).toBe('b');
});

test('an expert that is gone, or was judged too little, is not chosen', () => {
  expect(choose([standing('b', 0.3), standing('c', 0.2)], 'gone')?.name).toBe('b');
  expect(choose([standing('a', 0.3), standing('new', 0.9, 5)], 'a')?.name).toBe('a');
  expect(choose([standing('a', 0.3, 5)], 'a')).toBeUndefined();
});

test('nothing is said of how well traffic can be forecast before a day was judged', () => {
  expect(confidenceOf([standing('a', 0.05, 23)], 'a')).toBeUndefined();
  expect(confidenceOf([standing('a', 0.05, 24)], 'a')).toBe(0.05);
  expect(confidenceOf([], 'a')).toBeUndefined();
});
