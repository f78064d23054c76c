/** How long loads of one kind take: usually, and lately. Milliseconds. */
export interface Baseline {
  readonly usual: number;
  readonly recent: number;
}

export type Verdict = 'ok' | 'slow' | 'failed';

/** Slower than this many times the usual, and by more than the floor, is trouble. */
const slowTimes = 2;
const slowFloorMs = 20;
const lowestFactor = 1 / 16;
const step = 0.1;
/** A probe above this says that the origin is saturated. */
export const saturated = 0.8;
/** The factor moves at most once in this time, so that what a change brings can be seen before the next. */
export const factorEveryMs = 1_000;

/** Takes in one load. What is slow moves the usual only little, so that lasting trouble does not become the norm soon. */
export function observe(base: Baseline | undefined, ms: number): { base: Baseline; isSlow: boolean } {
  if (base === undefined) return { base: { usual: ms, recent: ms }, isSlow: false };
  const recent = base.recent + (ms - base.recent) / 4;
  const isSlow = recent > slowTimes * base.usual + slowFloorMs;
  const weight = isSlow ? 1 / 256 : ms < base.usual ? 1 / 8 : 1 / 16;
  return { base: { usual: base.usual + (ms - base.usual) * weight, recent }, isSlow };
}

/** Halves on trouble, recovers by steps. */
export const nextFactor = (factor: number, verdict: Verdict): number =>
  verdict === 'ok' ? Math.min(1, factor + step) : Math.max(lowestFactor, factor / 2);

/** Loads of 1, 2-3, 4-7, … ids are compared with their like: a big load takes longer in good health. */
export const sizeClass = (ids: number): number => 31 - Math.clz32(Math.max(1, ids));

// ---- pieces written to the cache Redis ----------------------------------------------------------------------------

const windowSize = 9;
const slowPieceTimes = 4;
const slowPieceFloorMs = 1;
const longestGapMs = 50;

/** How pieces of writes have fared: their latest round trips, what is usual, and the pause now kept between two. */
export interface PieceState {
  readonly window: readonly number[];
  readonly usual: number | undefined;
  readonly gapMs: number;
}

export const freshPieces: PieceState = { window: [], usual: undefined, gapMs: 0 };

/**
 * Takes in the round trip of one piece. The median of the last few decides, because a single one may have waited for
 * this process and not for Redis. The pause doubles while pieces are slow and shrinks by a tenth while they are not.
 */
export function nextPiece(state: PieceState, ms: number): PieceState {
  const window = [...state.window, ms];
  if (window.length < windowSize) return { ...state, window };
  const median = window.toSorted((a, b) => a - b)[windowSize >> 1]!;
  const { usual = median } = state;
  const isSlow = median > slowPieceTimes * usual + slowPieceFloorMs;
  const gapMs = isSlow ? Math.min(longestGapMs, Math.max(1, state.gapMs * 2)) : state.gapMs * 0.9;
  const weight = median < usual ? 0.3 : 0.01;
  return {
    window: [],
    usual: usual + (Math.min(median, 2 * usual) - usual) * weight,
    gapMs: gapMs < 0.5 ? 0 : gapMs,
  };
}
