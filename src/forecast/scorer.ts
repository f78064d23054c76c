import type { Candidate, Term } from '../rooms.ts';

/** The moment a score is made for. */
export interface ScoreAt {
  readonly now: number;
  readonly horizonMs: number;
  /** The last hour that the candidates' rates know of. */
  readonly lastBucket: number;
  /** Share of the cache's accesses by hour of day (UTC), smoothed and never 0; undefined while its days are too few. */
  readonly hourShares?: readonly number[];
}

/** Heat in accesses per second, with the terms it is the sum of. */
export interface Score {
  readonly heat: number;
  readonly terms: readonly Term[];
}

/** A pure rule from what is known of a key to how hot it will be over the horizon. */
export interface Scorer {
  readonly name: string;
  score(candidate: Candidate, at: ScoreAt): Score;
}
