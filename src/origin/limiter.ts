import type { Baseline } from './pace.ts';

/** Limits of an origin, for the whole fleet. */
export interface BudgetLimits {
  /** Ids loaded per second by background work; 0 stops it, Infinity frees it. */
  readonly perSecond?: number;
  readonly concurrency?: number;
}

/**
 * Work that one grant may hold: any 200 ms have at most 220 ms' worth of ids, and what late loads add, a tenth of the
 * rate for every 20 ms they are late.
 */
export const grainMs = 20;
/** How long before its load may begin a grant is given, so that nobody's way here and back costs the fleet its rate. */
export const earlyMs = 15;

/** What is asked of the fleet's limiter. */
export interface Ask {
  readonly origin: string;
  /** Names the grant. */
  readonly grant: string;
  readonly ids: number;
  /** The definition's, unless the fleet was told otherwise; undefined = unlimited. */
  readonly perSecond: number | undefined;
  readonly concurrency: number;
  /** How long a place is kept for a process that died. */
  readonly placeMs: number;
  readonly cache: string;
}

export interface Reply {
  readonly kind: 'granted' | 'wait' | 'full' | 'stopped';
  readonly ids: number;
  /** Granted: until the load may begin. Else when to ask again; full: at the latest. */
  readonly waitMs: number;
  readonly factor: number;
  /** How long loads like the granted one take. */
  readonly base: Baseline | undefined;
  /** Loads at once in the fleet, after the factor. */
  readonly places: number;
  readonly perSecond: number | undefined;
  /** The limiter's own time when it answered. */
  readonly at: number;
}

export interface Settling {
  readonly origin: string;
  readonly grant: string;
  readonly unused: number;
  readonly cache: string;
  /** Ids that were granted. */
  readonly ids: number;
  readonly base: Baseline | undefined;
  readonly seenFactor: number;
  readonly factor: number;
  readonly factorEveryMs: number;
  readonly perSecond: number | undefined;
}

/** The limiter all workers share. Every method throws E_QUEUE_UNAVAILABLE when its Redis is away. */
export interface Limiter {
  ask(ask: Ask): Promise<Reply>;
  /** Answers with the factor in force. */
  settle(settling: Settling): Promise<number>;
  set(origin: string, limits: BudgetLimits): Promise<void>;
  state(origin: string): Promise<{ perSecond?: number; concurrency?: number; factor: number }>;
}
