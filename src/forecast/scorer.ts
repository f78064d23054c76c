import type { Candidate, Term } from '../rooms.ts';

/** The moment a score is made for. */
export interface ScoreAt {
  readonly now: number;
  readonly horizonMs: number;
}

/** A pure rule from what is known of a key to how hot it will be over the horizon. */
export interface Scorer {
  readonly name: string;
  /** Heat in accesses per second, with the terms it is made of. */
  score(candidate: Candidate, at: ScoreAt): { readonly heat: number; readonly terms: readonly Term[] };
}
