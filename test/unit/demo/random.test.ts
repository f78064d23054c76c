import { describe, expect, test } from 'vitest';
import { createPicker, createRandom } from '../../../src/demo/random.ts';

const many = (seed: number, name: string, count = 20_000) => {
  const random = createRandom(seed, name);
  return Array.from({ length: count }, () => random.next());
};

describe('random numbers', () => {
  test('are the same for the same seed and name, and others for others', () => {
    expect(many(1, 'a', 10)).toEqual(many(1, 'a', 10));
    for (const [seed, name] of [
      [2, 'a'],
      [1, 'b'],
      [1 + 2 ** 33, 'a'],
    ] as const)
      expect(many(seed, name, 10)).not.toEqual(many(1, 'a', 10));
  });

  test('fill [0, 1) evenly', () => {
    const numbers = many(3, 'even');
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    const tenths = Array.from(
      { length: 10 },
      (_, i) => numbers.filter((n) => Math.floor(n * 10) === i).length,
    );
    for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(250);
  });

  test('wait as long as the rate says, on average', () => {
    const random = createRandom(4, 'wait');
    const waits = Array.from({ length: 20_000 }, () => random.wait(5));
    expect(waits.reduce((a, b) => a + b, 0) / waits.length).toBeCloseTo(0.2, 2);
  });
});

test('a picker picks by weight, and never what weighs nothing', () => {
  const picker = createPicker([0, 1, 0, 3, 0]);
  const random = createRandom(5, 'pick');
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 20_000; i++) counts[picker.pick(random)]! += 1;
  expect([counts[0], counts[2], counts[4]]).toEqual([0, 0, 0]);
  expect(counts[3]! / counts[1]!).toBeCloseTo(3, 0);
});
