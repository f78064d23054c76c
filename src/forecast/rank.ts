import { hourMs } from '../duration.ts';
import type { Candidate } from '../rooms.ts';
import { hourShares } from './daytime.ts';
import type { ScoreAt, Scorer } from './scorer.ts';
import { topOf } from './top.ts';

/** What scorers are told about the moment they score for. */
export function scoreAt(
  candidates: readonly Candidate[],
  { now, horizonMs, lastBucket }: { now: number; horizonMs: number; lastBucket: number },
): ScoreAt {
  const shares = hourShares(candidates);
  return { now, horizonMs, lastBucket, ...(shares === undefined ? {} : { hourShares: shares }) };
}

/** Positions of the candidates that each scorer would take for an hour, best first, at most `most`. */
export function rankAll(
  scorers: readonly Scorer[],
  candidates: readonly Candidate[],
  { bucket, lastBucket, most }: { bucket: number; lastBucket: number; most: number },
): Map<string, number[]> {
  const at = scoreAt(candidates, { now: bucket * hourMs, horizonMs: hourMs, lastBucket });
  return new Map(
    scorers.map((scorer) => [
      scorer.name,
      topOf(
        Float64Array.from(candidates, (candidate) => scorer.score(candidate, at).heat),
        most,
      ),
    ]),
  );
}
