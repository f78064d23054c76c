import { describe, expect, test } from 'vitest';
import {
  type Baseline,
  freshPieces,
  nextFactor,
  nextPiece,
  observe,
  sizeClass,
} from '../../../src/origin/pace.ts';

/** Loads that take these times, ten a second. */
const loads = (times: readonly number[], from?: Baseline) => {
  let base = from;
  let isSlow = false;
  let now = from?.at ?? 0;
  for (const ms of times) {
    now += 100;
    ({ base, isSlow } = observe(base, ms, now));
  }
  return { base: base!, isSlow };
};
const times = (ms: number, count: number) => new Array<number>(count).fill(ms);

describe('the usual load time', () => {
  const { base } = loads(times(50, 100));

  test('is what loads take when all is well, though the first was slow or fast', () => {
    expect(loads([900, ...times(50, 2_000)]).base.usual).toBeCloseTo(50, -1);
    expect(loads([1, ...times(50, 1_000)])).toMatchObject({
      isSlow: false,
      base: { usual: expect.closeTo(50, -1) },
    });
    expect(base.usual).toBeCloseTo(50, 5);
  });

  test('one slow load is no trouble however slow, several are', () => {
    expect(loads([9_000], base).isSlow).toBe(false);
    expect(loads(times(200, 3), base).isSlow).toBe(true);
    expect(loads([...times(200, 4), ...times(50, 6)], base).isSlow).toBe(false);
  });

  test('some loads may be fast without making the others slow', () => {
    const mixed = Array.from({ length: 2_000 }, (_, i) => (i % 10 === 0 ? 1 : 50));
    for (let from = 100; from < 2_000; from += 100) expect(loads(mixed.slice(0, from)).isSlow).toBe(false);
  });

  test('loads of a few milliseconds may vary by a few milliseconds', () => {
    expect(loads([...times(1, 50), ...times(15, 50)]).isSlow).toBe(false);
    expect(loads([...times(1, 50), ...times(60, 50)]).isSlow).toBe(true);
  });

  test('lasting trouble does not become the norm in a minute, but in time', () => {
    expect(loads(times(500, 600), base).isSlow).toBe(true);
    expect(loads(times(500, 20_000), base).isSlow).toBe(false);
  });

  test('does not mind clocks that differ', () => {
    const { base: next } = observe(base, 60, base.at - 3_600_000);
    expect(next.at).toBe(base.at);
    expect(next.usual).toBe(base.usual);
  });
});

test('the factor halves on trouble down to a sixteenth, and recovers step by step', () => {
  let factor = 1;
  const seen: number[] = [];
  for (const verdict of ['slow', 'failed', 'slow', 'failed', 'failed', 'failed'] as const) {
    factor = nextFactor(factor, verdict);
    seen.push(factor);
  }
  expect(seen).toEqual([0.5, 0.25, 0.125, 0.0625, 0.0625, 0.0625]);
  let steps = 0;
  for (; factor < 1; steps++) factor = nextFactor(factor, 'ok');
  expect(factor).toBe(1);
  expect(steps).toBe(10);
  expect(nextFactor(1, 'ok')).toBe(1);
});

test('loads are compared with loads of their size', () => {
  expect([1, 2, 3, 4, 7, 8, 255, 256, 500, 512].map(sizeClass)).toEqual([0, 1, 1, 2, 2, 3, 7, 8, 8, 9]);
  expect(sizeClass(0)).toBe(0);
});

describe('the pause after pieces', () => {
  /** A hundred pieces a second. */
  const paced = (waits: readonly number[], from = freshPieces) =>
    waits.reduce((state, ms, i) => nextPiece(state, ms, from.at + (i + 1) * 10), from);

  test('is none while they wait as usual, and for a single one that waits', () => {
    expect(paced(times(0.3, 100)).gapMs).toBe(0);
    expect(paced([...times(0.3, 90), 40, 30, ...times(0.3, 7)]).gapMs).toBe(0);
    expect(paced(times(6, 900)).gapMs).toBe(0);
  });

  test('grows while they wait long, up to a bound, and goes when they do not', () => {
    const well = paced(times(0.3, 90));
    const slow = paced(times(9, 27), well);
    expect(slow.gapMs).toBe(4);
    expect(paced(times(9, 270), well).gapMs).toBe(32);
    expect(paced(times(0.3, 27), slow).gapMs).toBe(0);
  });

  test('stays while trouble lasts, for minutes', () => {
    expect(paced(times(30, 6_000), paced(times(0.3, 90))).gapMs).toBe(32);
  });
});
