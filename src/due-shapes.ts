/** Data of entries that are due to be refreshed; units as in shapes. */

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
