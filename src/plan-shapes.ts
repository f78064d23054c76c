/** Data of plans, runs and fills that passes between the rooms; units as in shapes. */
import type { Fill, ForecastRow, Rise } from './shapes.ts';

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

/** What is known of an entry without its value. */
export interface Age {
  readonly filledAt: number;
  /** 0 = it was expired by hand. */
  readonly freshUntil: number;
  /** 'r' read, 'w' warm, 'f' refresh, 's' set. */
  readonly filledBy: string;
}

/** Keys that are due, taken for a while. */
export interface DueClaim {
  readonly cache: string;
  readonly part: number;
  readonly name: string;
  /** True when somebody had taken them before, and did not come back. */
  readonly isAgain: boolean;
  readonly keys: readonly string[];
}

/**
 * What became of keys that were due. `refreshed` (loaded and written; `unchanged`: these hold what they held before),
 * `stillCurrent` (live on without a load), `failed` and `budget` (not made, tried again); the others are verdicts.
 */
export type DueResults = Readonly<
  Record<
    'refreshed' | 'unchanged' | 'stillCurrent' | 'failed' | 'budget' | Exclude<DueVerdict, 'refresh'>,
    number
  >
>;

/** What becomes of a key that was due: `fresh` (filled again meanwhile), `gone` (deleted, or ended), `unworthy` (left to expire). */
export type DueVerdict = 'refresh' | 'fresh' | 'gone' | 'unworthy';

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

export const rowResults = [
  'planned',
  'written',
  'fresh',
  'busy',
  'missing',
  'failed',
  'budget',
  'lost',
] as const;
/**
 * What became of a row: `planned` (not yet), `written`, `fresh` (was already), `busy` (a reader or writer holds its lease, or nobody may for a while),
 * `missing` (the origin has no such id), `failed`, `budget` (time, rate or memory ran out), `lost` (deleted or overtaken while it loaded).
 */
export type RowResult = (typeof rowResults)[number];

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

/** What the time is made from by which the groups of one cache are to be warm. */
export interface RiseInput {
  readonly cache: string;
  readonly origin: string;
  /** What its origin allows; without a rate as many loads as may run at once. */
  readonly perSecond?: number;
  readonly concurrency: number;
  /** Most keys of one plan. */
  readonly top: number;
  readonly ttlMs: number;
  readonly rises: readonly Rise[];
  /** How far the forecast can be trusted, from 0 to 1, where that is known. */
  readonly confidence?: number;
}

/** When a part of a group is loaded. */
export interface RiseSlot {
  readonly at: number;
  readonly keys: number;
}

/** By when a group of keys is to be warm, and how it comes to be. */
export interface WarmTime {
  readonly cache: string;
  /** Its reads rise from here on. */
  readonly by: number;
  readonly readsPerHour: number;
  /** Keys that are loaded in the slots. */
  readonly keys: number;
  /** Keys for which the origin's budget has no room before. */
  readonly left: number;
  /** Earliest first. */
  readonly slots: readonly RiseSlot[];
}

/** A slot that was kept: one for the whole fleet. */
export interface KeptSlot extends RiseSlot {
  readonly cache: string;
  readonly by: number;
  /** Whether its run was asked for. */
  readonly isBegun: boolean;
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

export interface Memory {
  readonly usedBytes: number;
  /** 0 = no limit. */
  readonly maxBytes: number;
  readonly evicted: number;
  readonly policy: string;
}

export interface FillRequest {
  readonly keys: readonly string[];
  readonly reason: 'warm' | 'refresh';
  readonly plan?: number;
  readonly rows?: readonly number[];
  readonly signal: AbortSignal;
  /** Room in the store; what does not fit is `budget`. @default unlimited */
  readonly roomBytes?: number;
  /** True when what is fresh should be loaded again. @default false */
  readonly force?: boolean;
  /**
   * Renews what is there, fresh or not: by position, when the entry was filled that is to be renewed. One that was filled
   * again since is `fresh`, one that is gone is `lost`: it was deleted, and stays so. @default what is not fresh is filled
   */
  readonly renews?: readonly number[];
  /** What is not reached within this time stays `planned`. @default unlimited */
  readonly withinMs?: number;
}

/**
 * Results by position of the asked keys; `planned` = not reached: the signal aborted, `withinMs` passed, or the origin's
 * budget gives nothing at present (stopped, or out of reach; `error` then says which).
 */
export interface FillReport {
  readonly results: readonly RowResult[];
  readonly bytes: number;
  readonly loadMs: number;
  readonly waitMs: number;
  /** Of those renewed: how many hold what they held before, and the positions of these that live on without a load (and are `fresh`). */
  readonly unchanged?: number;
  readonly stillCurrent?: readonly number[];
  /** Of those `busy`: how many nobody may write yet, because a replica may still hold what was before a change. */
  readonly heldOff?: number;
  /** The first thing that went wrong, if any: its code and text without keys. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly fills: readonly Fill[];
}

/** What is to be forgotten: keys or all of one cache, tags across caches, or several of these. */
export interface Invalidation {
  readonly cache?: string | undefined;
  readonly ids?: readonly unknown[] | undefined;
  readonly keys?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Everything of the cache. */
  readonly all?: boolean | undefined;
  /** 'purge': gone at once; 'expire': stale, and served so where a cache has grace. @default 'purge' */
  readonly mode?: 'purge' | 'expire' | undefined;
  /** Fails when Redis does not accept it, instead of keeping it in this process. @default false */
  readonly isSure?: boolean | undefined;
}

export interface InvalidateResult {
  readonly keys: number;
  readonly tags: number;
}
