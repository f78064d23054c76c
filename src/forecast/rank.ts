import type { Candidate } from '../rooms.ts';
import { hourShares } from './daytime.ts';
import type { Lesson, ScoreAt, Scorer } from './scorer.ts';
import { topOf } from './top.ts';

/** What scorers are told about the moment they score for. */
export function scoreAt(
  candidates: readonly Candidate[],
  { now, horizonMs, lastBucket, learned }: Omit<ScoreAt, 'hourShares'>,
): ScoreAt {
  const shares = hourShares(candidates);
  return {
    now,
    horizonMs,
    lastBucket,
    ...(shares === undefined ? {} : { hourShares: shares }),
    ...(learned === undefined ? {} : { learned }),
  };
}

/** What experts that learn have learned after one more hour. */
export function learnAll(scorers: readonly Scorer[], lesson: Lesson): ReadonlyMap<string, readonly number[]> {
  const { learned } = lesson.at;
  return new Map(
    scorers.flatMap(({ name, learn }) =>
      learn === undefined ? [] : [[name, learn(learned?.get(name), lesson)]],
    ),
  );
}

/** A heat that is none counts as none at all. */
export const sound = (heat: number): number => (heat > 0 && heat < Number.POSITIVE_INFINITY ? heat : 0);

/** Positions of the candidates that each scorer would take, best first, at most `most`. */
export function rankAll(
  scorers: readonly Scorer[],
  candidates: readonly Candidate[],
  at: ScoreAt,
  most: number,
): Map<string, number[]> {
  const heats = new Float64Array(candidates.length);
  const ranked = new Map<string, number[]>();
  for (const scorer of scorers) {
    for (let i = 0; i < heats.length; i++) heats[i] = sound(scorer.heat(candidates[i]!, at));
    ranked.set(scorer.name, topOf(heats, most));
  }
  return ranked;
}
