import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hourMs, minuteMs } from '../../../src/duration.ts';
import { hoursOf, toScorecard } from '../../../src/plan/scorecard.ts';

test('a plan speaks of the hours from its making until its horizon or its entries end', () => {
  const at = 480_000 * hourMs;
  expect(hoursOf({ at, horizonMs: hourMs, ttlMs: 10 * hourMs })).toEqual([480_000, 480_000]);
  expect(hoursOf({ at: at + 45 * minuteMs, horizonMs: hourMs, ttlMs: 10 * hourMs })).toEqual([
    480_000, 480_001,
  ]);
  expect(hoursOf({ at, horizonMs: 24 * hourMs, ttlMs: 10 * minuteMs })).toEqual([480_000, 480_000]);
});

test('shares are between 0 and 1, used and unused are all that was written, and nothing is divided by nothing', () => {
  fc.assert(
    fc.property(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000), fc.nat(1_000), (written, a, b, distinct) => {
      const [read, used] = [Math.min(a, written, distinct), Math.min(b, written)];
      const foreseeable = Math.min(written, distinct);
      const card = toScorecard({ run: 1, at: 0, planned: written, written, read, used, foreseeable });
      expect(card.used + card.unused).toBe(written);
      for (const share of [card.precision, card.recall, card.savedPerLoad])
        if (share !== undefined) expect(share >= 0 && share <= 1).toBe(true);
      expect(card.precision === undefined).toBe(written === 0);
    }),
  );
});
