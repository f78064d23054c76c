import { minuteMs, secondMs } from '../duration.ts';

/** How long loads of one kind take: usually, and lately. Milliseconds; `at` is when the last one ended. */
export interface Baseline {
  readonly usual: number;
  readonly recent: number;
  readonly at: number;
  /** Loads seen, up to as many as it takes to know what is usual. */
  readonly seen: number;
}

export type Verdict = 'ok' | 'slow' | 'failed';

/** Slower than this many times the usual, and by more than the floor, is trouble. */
const slowTimes = 2;
const slowFloorMs = 20;
/** One load counts at most as if it had taken this many times the usual, so that a single one is no trouble. */
const mostTimes = 4;
const learnFrom = 16;
/** In which time the usual follows: soon in good health, late in trouble, so that trouble does not become the norm. */
const followMs = minuteMs;
const followInTroubleMs = 10 * minuteMs;

const lowestFactor = 1 / 16;
const step = 0.1;
/** A probe above this says that the origin is saturated. */
export const saturated = 0.8;
/** The factor moves at most once in this time, so that what a change brings can be seen before the next. */
export const factorEveryMs = secondMs;

/** Takes in one load that ended at `now`. */
export function observe(
  base: Baseline | undefined,
  ms: number,
  now: number,
): { base: Baseline; isSlow: boolean } {
  if (base === undefined) return { base: { usual: ms, recent: ms, at: now, seen: 1 }, isSlow: false };
  const { usual, seen } = base;
  const isLearning = seen < learnFrom;
  const counted = isLearning ? ms : Math.min(ms, mostTimes * usual + slowFloorMs);
  const recent = base.recent + (counted - base.recent) / 4;
  const isSlow = !isLearning && recent > slowTimes * usual + slowFloorMs;
  const passedMs = Math.max(0, now - base.at);
  const weight = Math.min(1 / learnFrom, passedMs / (isSlow ? followInTroubleMs : followMs));
  return {
    base: {
      usual: usual + (counted - usual) * (isLearning ? 1 / (seen + 1) : weight),
      recent,
      at: Math.max(now, base.at),
      seen: Math.min(learnFrom, seen + 1),
    },
    isSlow,
  };
}

/** Halves on trouble, recovers by steps. */
export const nextFactor = (factor: number, verdict: Verdict): number =>
  verdict === 'ok' ? Math.min(1, factor + step) : Math.max(lowestFactor, factor / 2);

/** Loads of 1, 2-3, 4-7, … ids are compared with their like: a big load takes longer in good health. */
export const sizeClass = (ids: number): number => 31 - Math.clz32(Math.max(1, ids));

// ---- pieces written to the cache Redis ----------------------------------------------------------------------------

const windowSize = 9;
const slowPieceTimes = 4;
const slowPieceFloorMs = 5;
const longestGapMs = 32;

/** How long pieces of writes have waited at the server: the latest, what is usual, and the pause now kept after each. */
export interface PieceState {
  readonly window: readonly number[];
  readonly usual: number | undefined;
  /** When the last window ended. */
  readonly at: number;
  readonly gapMs: number;
}

export const freshPieces: PieceState = { window: [], usual: undefined, at: 0, gapMs: 0 };

/**
 * Takes in what one piece waited. The median of a few decides, because one may have met a pause of the machine. The gap
 * doubles while pieces wait long and halves while they do not; what is usual follows in minutes.
 */
export function nextPiece(state: PieceState, waitedMs: number, now: number): PieceState {
  const window = [...state.window, waitedMs];
  if (window.length < windowSize) return { ...state, window };
  const median = window.toSorted((a, b) => a - b)[windowSize >> 1]!;
  const { usual = median } = state;
  const isSlow = median > slowPieceTimes * usual + slowPieceFloorMs;
  const gapMs = isSlow ? Math.min(longestGapMs, Math.max(1, state.gapMs * 2)) : state.gapMs / 2;
  const weight = Math.min(
    1 / learnFrom,
    Math.max(0, now - state.at) / (isSlow ? followInTroubleMs : followMs),
  );
  return {
    window: [],
    usual: usual + (median - usual) * weight,
    at: now,
    gapMs: gapMs < 1 ? 0 : gapMs,
  };
}
