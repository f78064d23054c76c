import { describe, expect, test } from 'vitest';

import { experts } from '../../../src/forecast/experts.ts';
import { replay } from '../../../src/forecast/replay.ts';
import { createTraffic } from '../../../src/forecast/traffic.ts';

const hour = 3_600;
const start = 480_000 * hour;
const build = (reads: readonly (readonly [string, number])[]) => {
  const history = createTraffic();
  for (const [key, at] of reads) history.add(key, at);
  return history.build();
};

/** In each of so many hours these keys are read, each several times, evenly over the hour. */
function steady(hours: number, keysOf: (hour: number) => readonly string[], times = 5) {
  const reads: [string, number][] = [];
  for (let at = 0; at < hours; at++)
    keysOf(at).forEach((key, k) => {
      for (let i = 0; i < times; i++) reads.push([key, start + at * hour + (i * hour) / times + k]);
    });
  return reads;
}
const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => `k${from + i}`);

test('what is always read is foreseen by every rule, at every size', async () => {
  const result = await replay(build(steady(40, () => names(0, 20))));
  expect(result).toMatchObject({ reads: 4_000, keys: 20, windows: 20, keysPerWindow: 20 });
  expect(result.cold.hitRatio).toBeCloseTo(0.8, 9);
  for (const spared of Object.values(result.rules)) {
    expect(spared.map(({ keys, loads, share, precision }) => [keys, loads, share, precision])).toEqual([
      [2, 40, 1, 1],
      [5, 100, 1, 1],
      [10, 200, 1, 1],
      [20, 400, 1, 1],
    ]);
    expect(spared[3]!.hitRatio).toBeCloseTo(1, 9);
    expect(spared[3]!.earlyHitRatio).toBeCloseTo(1, 9);
  }
});

test('what was never read before is foreseen by none, and perfect foresight has it all', async () => {
  const { rules, windows } = await replay(build(steady(40, (at) => names(at * 20, 20))));
  expect(windows).toBe(20);
  for (const [rule, spared] of Object.entries(rules))
    expect(spared.map(({ share }) => share)).toEqual(Array(4).fill(rule === 'perfect' ? 1 : 0));
});

test('nothing is known of an hour before it is over', async () => {
  // Every rule would spare something if it saw the hour it is asked about, or its first half.
  const reads = steady(40, (at) => (at % 2 === 0 ? names(0, 20) : names(100, 20)));
  const turned = (await replay(build(reads))).rules['previous-window']!;
  expect(turned.map(({ share }) => share)).toEqual([0, 0, 0, 0]);
});

describe('the automatic choice', () => {
  const rank = (share: (rule: string) => number) =>
    experts.map(({ name }) => share(name)).reduce((best, each) => Math.max(best, each));

  test('follows the traffic: it takes what does well on it', async () => {
    // A catalogue that is read in turns, a part an hour: a long memory knows it, a short one only the last part.
    const turns = await replay(
      build(steady(240, (at) => [...names((at % 12) * 10, 10), ...names(500 + at * 7, 7)])),
    );
    const shareOf = (rule: string) => turns.rules[rule]![2]!.share;
    expect(shareOf('auto')).toBeGreaterThan(rank(shareOf) - 0.02);
    expect(Object.values(turns.chosen).reduce((sum, n) => sum + n, 0)).toBe(turns.windows);
  });

  test('is never one of the rules that are there for comparison', async () => {
    const { chosen } = await replay(build(steady(60, () => names(0, 20))));
    for (const rule of Object.keys(chosen)) expect(experts.map(({ name }) => name)).toContain(rule);
  });
});

test('hours with few reads are not scored, and none at all is no error', async () => {
  expect(await replay(build(steady(40, () => names(0, 5))))).toMatchObject({ windows: 0, keysPerWindow: 0 });
  expect(await replay(build([]))).toMatchObject({ reads: 0, windows: 0 });
  expect(await replay(build([['a', start]]))).toMatchObject({ reads: 1, windows: 0 });
});

test('reads out of order are put in order', async () => {
  const reads = steady(40, () => names(0, 20));
  const inOrder = [...reads].sort((a, b) => a[1] - b[1]);
  expect((await replay(build(reads))).rules).toEqual((await replay(build(inOrder))).rules);
});
