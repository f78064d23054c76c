import { hourShares } from './daytime.ts';
import type { Candidates, Lesson, ScoreAt, Scorer } from './scorer.ts';
import { topOf } from './top.ts';

/** What scorers are told about the moment they score for. */
export function scoreAt(
  candidates: Candidates,
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
  candidates: Candidates,
  at: ScoreAt,
  most: number,
): Map<string, number[]> {
  const heats = scorers.map(() => new Float64Array(candidates.length));
  // Every scorer about one candidate, then about the next: they share what they look at.
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates.at(i)!;
    for (let s = 0; s < scorers.length; s++) heats[s]![i] = sound(scorers[s]!.heat(candidate, at));
  }
  return new Map(scorers.map(({ name }, s) => [name, topOf(heats[s]!, most)]));
}
