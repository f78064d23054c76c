import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { interleave, median, quantile } from '../../../bench/frame/stats.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const bench = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'bench/run.ts', ...args],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  return { status, stdout, stderr };
};

describe('npm run bench', () => {
  test('lists what there is when it is given no name', () => {
    const { status, stdout } = bench('--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['interference', 'rate', 'warm']),
    );
  });

  test.each([
    ['rates', "there is no bench 'rates'; did you mean 'rate'? Known: deleted-during-warm, "],
    ['warm --rounds 0', "expected --rounds to be a whole number from 1, got '0'"],
    ['warm rate', 'expected one name, got warm rate'],
    ['warm --fast', "Unknown option '--fast'"],
  ])('refuses %s', (args, message) => {
    const { status, stdout, stderr } = bench(...args.split(' '));
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).toContain('usage: npm run bench');
  });
});

test('rounds are interleaved, each beginning with another subject', async () => {
  const order: string[] = [];
  const subject = (name: string) => async (round: number) => {
    order.push(`${name}${round}`);
    return round;
  };
  const results = await interleave(3, { a: subject('a'), b: subject('b') });
  expect(order).toEqual(['a0', 'b0', 'b1', 'a1', 'a2', 'b2']);
  expect(results).toEqual({ a: [0, 1, 2], b: [0, 1, 2] });
});

test('a median is the middle, a quantile one of the values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([5, 1, 4, 2, 3], 0.5)).toBe(3);
  expect(quantile([], 0.5)).toBeNaN();
});
