import { hourMs, secondMs } from '../duration.ts';
import type { Candidate, Moment, Term } from '../rooms.ts';

export type ScoreAt = Moment;

/** Heat in accesses per second, with the terms it is the sum of. */
export interface Score {
  readonly heat: number;
  readonly terms: readonly Term[];
}

/** Candidates by position; an array is one, too. Which object stands for one is not promised: it may be made anew each time. */
export interface Candidates {
  readonly length: number;
  at(position: number): Candidate | undefined;
}

/** An hour that is over: which keys were known before it, and which of them were read in it. */
export interface Lesson {
  readonly candidates: Candidates;
  readonly at: ScoreAt;
  /** By position of the candidates. */
  isRead(position: number): boolean;
}

/** A pure rule from what is known of a key to how hot it will be over the horizon. */
export interface Scorer {
  readonly name: string;
  /** The heat alone: many keys are ranked, few are explained. */
  heat(candidate: Candidate, at: ScoreAt): number;
  score(candidate: Candidate, at: ScoreAt): Score;
  /** Whether it asks for `echo` of the candidates. */
  readonly needsEcho?: boolean;
  /** What it has learned once it was told of one more hour; pure, too. */
  learn?(learned: readonly number[] | undefined, lesson: Lesson): readonly number[];
}

const toHeat = (perHour: number): number => (perHour * secondMs) / hourMs;

/** Tells of a rate on its way to its end, in accesses per hour. */
export type Tell = (name: string, perHour: number) => void;
const tellNobody: Tell = () => {};

/** A scorer from a function that comes to accesses per hour in steps: the terms are what each step adds. */
export function inSteps(
  name: string,
  perHour: (candidate: Candidate, at: ScoreAt, tell: Tell) => number,
  more: Pick<Scorer, 'needsEcho' | 'learn'> = {},
): Scorer {
  return {
    name,
    ...more,
    heat: (candidate, at) => toHeat(perHour(candidate, at, tellNobody)),
    score(candidate, at) {
      const terms: Term[] = [];
      let before = 0;
      const heat = toHeat(
        perHour(candidate, at, (step, rate) => {
          terms.push({ name: step, heat: toHeat(rate - before) });
          before = rate;
        }),
      );
      return { heat, terms: terms.length === 0 ? [{ name, heat }] : terms };
    },
  };
}
