import type { DirtyLedger, FlushReport } from './dirty-shapes.ts';
import type { Age, DueClaim, DueResults, DueVerdict } from './due-shapes.ts';
import type { FillReport, FillRequest, InvalidateResult, Invalidation, Memory } from './fill-shapes.ts';
import type {
  Claim,
  ClaimedChunk,
  LeftOut,
  Look,
  PastRow,
  Plan,
  PlanInput,
  Run,
  Scorecard,
  Trigger,
  Wish,
} from './plan-shapes.ts';
import type { KeptSlot, RiseInput, WarmTime } from './rise-shapes.ts';
import type {
  AccessBatch,
  AccessCursors,
  Choice,
  CollectResult,
  Forecast,
  Rises,
  Standing,
} from './shapes.ts';

export * from './dirty-shapes.ts';
export type * from './due-shapes.ts';
export * from './fill-shapes.ts';
export * from './plan-shapes.ts';
export type * from './rise-shapes.ts';
export * from './shapes.ts';

/**
 * The faces of the rooms as jobs see them: what a job may read, and what it may change. Rooms do not know each other.
 */
export interface Reads {
  readonly accessLog: {
    /** The messages after the log's cursor, at most `most`; undefined when there are none. */
    read(cursors: AccessCursors, options: { most: number }): Promise<AccessBatch | undefined>;
  };
  readonly buckets: {
    cursors(): Promise<AccessCursors>;
  };
  readonly forecasts: {
    /** Scores the keys that may be hot, hottest first; at most `most` leave Postgres. `rising`: only keys that rise in the hour of `now`. */
    forecast(
      cache: string,
      options: { now: number; horizonMs: number; most: number; rising?: boolean },
    ): Promise<Forecast>;
    /** The keys that may be hot, grouped by the hour in which they rise. */
    rises(cache: string, options: { now: number; most: number }): Promise<Rises>;
    /** The newest kept forecast of a cache. */
    latest(cache: string): Promise<Forecast | undefined>;
    /** By position: how likely each key is read within so many ms from now; 0 for keys that nobody has read. */
    chances(
      cache: string,
      asked: readonly { readonly key: string; readonly withinMs: number }[],
      now: number,
    ): Promise<number[]>;
    /** How the experts stand with a cache, best first; none before its first hours were judged. */
    standings(cache: string): Promise<Standing[]>;
    /** Who made its forecasts since when, newest first; none until enough was judged. */
    choices(cache: string): Promise<Choice[]>;
  };
  readonly plans: {
    /** Pure: ranks, then cuts to the budget; skips what does not fit and goes on. */
    build(input: PlanInput): Plan;
    /** Pure: by when groups of keys are to be warm in the day from now on, and the slots in which they are loaded. */
    times(inputs: readonly RiseInput[], now: number): WarmTime[];
    /** Slots that were kept and whose group has not risen yet, earliest first, and when they were proposed. */
    keptSlots(now: number): Promise<{ readonly madeAt?: number; readonly slots: readonly KeptSlot[] }>;
    run(plan: number): Promise<Run | undefined>;
    /** What the last plans of a cache decided about one key, newest first. */
    past(cache: string, key: string, options: { plans: number }): Promise<PastRow[]>;
    /** Those of the last plans that did not hold a key, newest first. */
    leftOut(cache: string, key: string, options: { plans: number }): Promise<LeftOut[]>;
    /** How the last plans of a cache did, newest first. */
    scores(cache: string, options: { plans: number }): Promise<Scorecard[]>;
    /** Keys that carry any of the tags, as far as fills have told. */
    tagged(cache: string, tags: readonly string[], most: number): Promise<string[]>;
    /** The first column of a user's statement, as text. */
    select(sql: string, params: readonly unknown[], most: number): Promise<string[]>;
  };
  readonly store: {
    look(cache: string, keys: readonly string[]): Promise<Look[]>;
    /** By position: entries that may be served, fresh or stale, and how old they are; not those that say that there is nothing. */
    ages(cache: string, keys: readonly string[]): Promise<(Age | undefined)[]>;
    memory(): Promise<Memory>;
  };
  readonly dirty: {
    /** Caches that buffer writes. */
    caches(): string[];
    /** What the buffer of a cache has seen and holds. */
    ledger(cache: string): Promise<DirtyLedger>;
  };
  readonly due: {
    /** The caches that are refreshed ahead. */
    caches(): string[];
    /** How many keys go into one load. */
    batch(cache: string): number;
    /** Pure: by position, for how long the entry would live that a refresh brings. */
    withinMs(cache: string, ages: readonly (Age | undefined)[]): number[];
    /** Pure: what becomes of each key. */
    judge(cache: string, input: Judged): DueVerdict[];
  };
  readonly caches: {
    names(): string[];
    /** What the definition of a cache asks of its plans. Throws E_UNKNOWN_CACHE. */
    warmOptions(cache: string): ResolvedWarm;
    /** Keys from a cache's own `also` sources that need no database: lists and functions. */
    wishes(cache: string, signal: AbortSignal): Promise<Wish[]>;
  };
}

export interface ResolvedWarm {
  readonly top: number;
  readonly horizonMs: number;
  readonly ttlMs: number;
  readonly maxBytes?: number;
  readonly maxTimeMs: number;
  readonly memoryMark: number;
  readonly overlap: 'skip' | 'queue';
  /** After a change, for how long nothing is kept. */
  readonly holdOffMs: number;
  readonly origin: string;
  readonly perSecond?: number;
  /** Loads at once. */
  readonly concurrency: number;
  readonly lanes: number;
  readonly sql: readonly { readonly sql: string; readonly params: readonly unknown[] }[];
  readonly tags: readonly string[];
}

/** What is known of keys that are due, by position. */
export interface Judged {
  readonly keys: readonly string[];
  /** Undefined = there is no entry. */
  readonly ages: readonly (Age | undefined)[];
  /** How likely the key is read in the time that a refresh adds. */
  readonly chances: readonly number[];
  readonly now: number;
}

export interface OpenPlan {
  readonly plan: Plan;
  readonly trigger: Trigger;
  readonly maxTimeMs: number;
  /** How long its entries will be fresh: what is not read by then was warmed for nothing. */
  readonly ttlMs: number;
}

export interface Writes {
  readonly accessLog: {
    /** Forgets what has been carried over. */
    trim(carried: Pick<AccessBatch, 'log' | 'upto'>): Promise<void>;
  };
  readonly buckets: {
    /** Adds a batch and moves the cursor in one transaction; adds nothing unless the cursor is where the batch begins. */
    add(batch: AccessBatch): Promise<CollectResult>;
    /** Rolls closed days up, drops what is older than its retention. */
    prune(now: number): Promise<Record<string, number>>;
  };
  readonly forecasts: {
    /** Folds every closed bucket not yet folded, each exactly once; `keys` counts a key once for each time it was brought up to date. */
    fold(now: number): Promise<{ buckets: number; keys: number }>;
    keep(forecast: Forecast): Promise<number>;
    prune(now: number): Promise<Record<string, number>>;
  };
  readonly plans: {
    /** Keeps a plan as a run; answers with the live run's number instead when one is under way. */
    open(plan: OpenPlan): Promise<{ plan: number } | { running: number }>;
    claim(plan: number, options: { worker: string; now: number; leaseMs: number }): Promise<Claim>;
    /** Writes down what became of a claimed chunk; rows still `planned` go back to be claimed. */
    settle(chunk: ClaimedChunk, report: FillReport, now: number): Promise<void>;
    /** Settles a chunk and claims the next of its run in one go. */
    next(
      chunk: ClaimedChunk,
      report: FillReport,
      options: { worker: string; now: number; leaseMs: number },
    ): Promise<Claim>;
    /** Ends the run if nothing of it is left; answers with its state. */
    finish(plan: number, now: number): Promise<Run>;
    /** Ends the run early: what is left becomes `budget`. */
    stop(plan: number, why: string, now: number): Promise<Run>;
    /** Keeps what was proposed in place of what was before; a group of which a slot has begun stays as it is. */
    keepTimes(times: readonly WarmTime[], now: number): Promise<number>;
    /** Notes that the slots of a group up to an instant have begun. */
    begin(slot: Pick<KeptSlot, 'cache' | 'by' | 'at'>, now: number): Promise<void>;
    /** Compares plans whose time is over with what came, each once; drops old scorecards. */
    score(now: number): Promise<{ scored: number; dropped: number }>;
    /** Counts unused warms of runs whose entries have expired, drops old plans and job runs. */
    prune(now: number): Promise<Record<string, number>>;
  };
  readonly cache: {
    /** Loads and writes many keys of one cache under leases, within the origin's budget. */
    fill(cache: string, request: FillRequest): Promise<FillReport>;
    /** Entries and leases of keys go together; entries with any of the tags are dead at once. */
    invalidate(what: Invalidation): Promise<InvalidateResult>;
  };
  readonly dirty: {
    /** Carries dirty writes of a cache over to its origin; `isForced`: also those that are younger than its delay. */
    flush(cache: string, options?: { isForced?: boolean; signal?: AbortSignal }): Promise<FlushReport>;
    /** Forgets rows that were deleted long ago. */
    prune(now: number): Promise<number>;
  };
  readonly due: {
    /** A number for the entries of one round to carry as their plan, so that it is seen which are read; 0 = nobody looks. */
    open(cache: string, keys: number): Promise<number>;
    /** Notes which entries of a round were written, or live on because of it. */
    note(mark: number, report: Pick<FillReport, 'results' | 'stillCurrent'>): Promise<void>;
    /** Counts refreshes that nobody has read, drops old ones. */
    prune(now: number): Promise<Record<string, number>>;
    /** Takes keys that are due, for a while; undefined when there are none. */
    claim(cache: string, options: { readonly most: number }): Promise<DueClaim | undefined>;
    /** Ends claims of one cache; what is to come back does so when its entry is due, or soon where none is named. */
    settle(
      claims: readonly DueClaim[],
      again: readonly { readonly key: string; readonly age?: Age | undefined }[],
      results: DueResults,
    ): Promise<void>;
  };
  readonly tags: {
    /** Forgets markers older than any entry can be. */
    prune(): Promise<number>;
  };
  readonly queue: {
    /** `once` names the work: a second one with the same name is not added while the first is remembered. */
    enqueue(job: string, payload: unknown, options?: { once?: string; delayMs?: number }): Promise<string>;
  };
}
