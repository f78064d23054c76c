/** Data of plans and runs that passes between the rooms; units as in shapes. */
import type { RowResult } from './fill-shapes.ts';
import type { ForecastRow } from './shapes.ts';

export type WishSource = 'forecast' | 'list' | 'sql' | 'function' | 'tag';

/** A key that a source would like warm. */
export interface Wish extends Partial<Omit<ForecastRow, 'key'>> {
  readonly key: string;
  readonly source: WishSource;
}

/** What the store holds for a key now. */
export interface Look {
  readonly state: 'fresh' | 'missing' | 'negative';
  /** When it stops being fresh; 0 when missing. */
  readonly freshUntil: number;
}

export type Decision = 'warm' | 'fresh' | 'skip';

export interface PlanRow {
  readonly key: string;
  readonly source: WishSource;
  readonly decision: Decision;
  /** Why, in words for an operator. */
  readonly reason: string;
  readonly heat: number;
  readonly costMs: number;
  readonly bytes: number;
  /** Milliseconds of waiting it is expected to save over the horizon. */
  readonly savingMs: number;
}

/** A row of a plan that was carried out, as it is told of one key. */
export interface PastRow {
  readonly run: number;
  /** When the plan was made. */
  readonly at: number;
  readonly row: number;
  readonly reason: string;
  readonly result: RowResult;
  /** Whether somebody has read what was warmed. */
  readonly used: boolean;
}

export interface PlanBudget {
  readonly keys: number;
  readonly bytes?: number;
  readonly perSecond?: number;
  readonly timeMs?: number;
}

export interface Plan {
  readonly cache: string;
  readonly at: number;
  readonly horizonMs: number;
  /** Keys to warm, in the order in which they are to be written. */
  readonly rows: readonly PlanRow[];
  /** The best of what was left out, each with its reason. */
  readonly left: readonly PlanRow[];
  readonly totals: {
    readonly wished: number;
    readonly warm: number;
    readonly fresh: number;
    readonly skipped: number;
    readonly bytes: number;
    /** How long the loads will take at the budget's rate. */
    readonly timeMs: number;
    readonly savingMs: number;
    /** How much of what could be foreseen lately the forecast foresaw; left out until a day was judged. */
    readonly confidence?: number;
    /** The traffic cannot be forecast: a tenth of the budget at most goes by the forecast. */
    readonly isCautious: boolean;
  };
}

/** A plan that was carried out, and what came, counted in keys. */
export interface ScorecardCounts {
  readonly run: number;
  readonly at: number;
  readonly planned: number;
  /** Loaded and stored. */
  readonly written: number;
  /** Of those, read in the hours that the plan spoke of. */
  readonly read: number;
  /** Of those, read from the warmed entry before it expired: misses that were saved. */
  readonly used: number;
  /** What perfect foresight would have had read, of as many keys. */
  readonly foreseeable: number;
  /** What its forecast was known to be worth when it was made. */
  readonly confidence?: number;
}

/** How good a plan was; a share is left out where there is nothing to share. */
export interface Scorecard extends ScorecardCounts {
  readonly unused: number;
  readonly savedPerLoad: number | undefined;
  /** Loads that spared nobody a miss. */
  readonly extraLoads: number;
  readonly precision: number | undefined;
  /** Of what perfect foresight would have had read with as many keys. */
  readonly recall: number | undefined;
}

/** A plan that did not hold a key: where the forecast before it saw the key, if it did. */
export interface LeftOut {
  readonly run: number;
  readonly at: number;
  /** How many keys it held. */
  readonly rows: number;
  /** Whether a forecast was kept before it, by which it could be told. */
  readonly isTold: boolean;
  readonly rank?: number;
}

/** Rows of one chunk: what one worker takes at a time. */
export const chunkRows = 500;

/** Everything a plan is made from; see `plan/build`. */
export interface PlanInput {
  readonly cache: string;
  readonly at: number;
  readonly horizonMs: number;
  readonly ttlMs: number;
  /** Several sources may wish for the same key; the hottest wish counts. */
  readonly wishes: readonly Wish[];
  /** By position of `wishes`. */
  readonly looks: readonly Look[];
  readonly budget: PlanBudget;
  /** How far the forecast can be trusted, from 0 to 1, where that is known. */
  readonly confidence?: number;
  /** Memory is tight: the hottest keys are written last, so that they are the last to be evicted. */
  readonly isTight: boolean;
  /** What is fresh now is left alone, however near its end it is: the plan is one of several for the same keys. @default false */
  readonly leavesFresh?: boolean;
}

export type RunState =
  | 'planned'
  | 'queued'
  | 'running'
  | 'paused'
  | 'cancelling'
  | 'done'
  | 'partial'
  | 'failed'
  | 'cancelled';
export type Trigger = 'cron' | 'deploy' | 'manual' | 'event';

export interface Run {
  readonly id: number;
  readonly cache: string;
  readonly state: RunState;
  readonly trigger: Trigger;
  readonly at: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly rows: number;
  readonly results: Readonly<Partial<Record<RowResult, number>>>;
  readonly used: number;
  /** Warmed and never read; known once the entries have expired. */
  readonly unused?: number;
  readonly bytes: number;
  /** Keys settled per second since it started. */
  readonly perSecond?: number;
  readonly etaMs?: number;
  /** Why it ended early, if it did. */
  readonly why?: string;
  /** The first thing that went wrong with a chunk, without keys. */
  readonly error?: string;
}

export interface ClaimedChunk {
  readonly kind: 'chunk';
  readonly plan: number;
  readonly chunk: number;
  readonly keys: readonly string[];
  /** The row number of each key within the plan. */
  readonly rows: readonly number[];
  readonly worker: string;
  /** How long the run may still take. */
  readonly leftMs: number;
}

export type Claim =
  | ClaimedChunk
  /** Other workers hold what is left; ask again after `ms`. */
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'paused' }
  /** Nothing is left, or the run was cancelled, or its time is over. */
  | { readonly kind: 'ended'; readonly why: string };
