/** Data of what is written into a cache, and of what is taken out; units as in shapes. */
import type { Fill } from './shapes.ts';

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
