import { describe, expect, test } from 'vitest';
import { chanceOfRead, daytimeOf, type Known, memories, sharesOf } from '../../../src/forecast/chance.ts';
import { weightOf } from '../../../src/forecast/fold.ts';

const hourMs = 3_600_000;
const folded = 480_000;
const now = (folded + 1) * hourMs;
/** A key read `perHour` times in each of the last weeks. */
const steady = (perHour: number, more: Partial<Known> = {}): Known => ({
  sums: memories.map((halfLife) => perHour * weightOf(halfLife)),
  lastBucket: folded,
  knownHours: 2_000,
  open: 0,
  ...more,
});

describe('the chance of a read', () => {
  test('is that of arrivals by chance at the rate of a steady key', () => {
    for (const perHour of [0.05, 0.5, 1, 3]) {
      const chance = chanceOfRead(steady(perHour), { now, withinMs: hourMs, folded });
      expect(chance).toBeGreaterThan(0.85 * (1 - Math.exp(-perHour)));
      expect(chance).toBeLessThanOrEqual(1 - Math.exp(-perHour));
    }
  });

  test('grows with the time it speaks of', () => {
    const chances = [0.1, 1, 5, 24].map((hours) =>
      chanceOfRead(steady(0.2), { now, withinMs: hours * hourMs, folded }),
    );
    expect(chances).toEqual(chances.toSorted((a, b) => a - b));
    expect(new Set(chances).size).toBe(4);
  });

  test('is none for a key that nobody has read', () => {
    const unknown = { sums: [0, 0, 0, 0], lastBucket: -1, knownHours: 1, open: 0 };
    expect(chanceOfRead(unknown, { now, withinMs: 24 * hourMs, folded })).toBe(0);
  });

  test('falls while nobody reads it, and rises with what the present hour shows', () => {
    const at = (hours: number, open = 0) =>
      chanceOfRead(steady(1, { open }), {
        now: now + hours * hourMs,
        withinMs: hourMs,
        folded: folded + Math.floor(hours),
      });
    expect(at(12)).toBeLessThan(at(3));
    expect(at(3)).toBeLessThan(at(0));
    expect(at(0.5, 10)).toBeGreaterThan(at(0.5, 1));
  });

  test('is the same just before and just after an hour is folded', () => {
    const before = chanceOfRead(steady(2, { open: 2 }), { now: now + hourMs - 1, withinMs: hourMs, folded });
    const after = chanceOfRead(steady(2, { lastBucket: folded + 1 }), {
      now: now + hourMs,
      withinMs: hourMs,
      folded: folded + 1,
    });
    expect(before).toBeCloseTo(after, 1);
  });
});

describe('the time of day', () => {
  const busyAtNoon = sharesOf(Array.from({ length: 24 }, (_, hour) => (hour === 12 ? 100 : 1)))!;
  const noon = 20_000 * 24 * hourMs + 12 * hourMs;

  test('is told by the hours that are spoken of, and evens out over a day', () => {
    expect(daytimeOf({ now: noon, withinMs: hourMs, folded, hourShares: busyAtNoon })).toBeGreaterThan(5);
    expect(
      daytimeOf({ now: noon + 12 * hourMs, withinMs: hourMs, folded, hourShares: busyAtNoon }),
    ).toBeLessThan(0.5);
    expect(daytimeOf({ now: noon, withinMs: 24 * hourMs, folded, hourShares: busyAtNoon })).toBeCloseTo(1, 9);
  });

  test('is as on average while too little is known', () => {
    expect(sharesOf(new Array<number>(24).fill(0))).toBeUndefined();
    expect(daytimeOf({ now: noon, withinMs: hourMs, folded })).toBe(1);
  });
});
