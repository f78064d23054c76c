import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Call, calls } from '../../../src/store/calls.ts';
import { partitionOf } from '../../../src/store/names.ts';

const keys = (count: number) => Array.from({ length: count }, (_, i) => `key ${i}`);
const positions = (all: readonly Call[]) => all.flatMap(({ segments }) => segments.flatMap(({ at }) => at));

test('every key is in one command, beside those of its partition, within the limits', () => {
  fc.assert(
    fc.property(
      fc.nat(400),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.boolean(),
      (count, most, bytes, isApart) => {
        const all = keys(count);
        const weight = (position: number) => 100 + (position % 7) * 50;
        const made = [...calls(all, { keys: most, bytes, isApart }, weight)];
        expect(positions(made).toSorted((a, b) => a - b)).toEqual(all.map((_, i) => i));
        for (const { segments, keys: inCall, bytes: weighed } of made) {
          const at = segments.flatMap((segment) => segment.at);
          expect(inCall).toBe(at.length);
          expect(inCall).toBeLessThanOrEqual(most);
          expect(weighed).toBe(at.reduce((sum, position) => sum + weight(position), 0));
          // What is too long goes alone.
          if (at.length > 1) expect(weighed).toBeLessThanOrEqual(bytes);
          if (isApart) expect(segments).toHaveLength(1);
          expect(new Set(segments.map(({ partition }) => partition)).size).toBe(segments.length);
          for (const { partition, at: own } of segments)
            for (const position of own) expect(partitionOf(all[position]!)).toBe(partition);
        }
      },
    ),
  );
});

test('commands are as full as they may be', () => {
  expect([...calls(keys(300), { keys: 128, isApart: false })].map((call) => call.keys)).toEqual([
    128, 128, 44,
  ]);
  expect(
    [...calls(keys(20), { keys: 128, bytes: 1_000, isApart: false }, () => 400)].every(
      (call) => call.keys === 2,
    ),
  ).toBe(true);
  expect([...calls([], { keys: 128, isApart: false })]).toEqual([]);
});
