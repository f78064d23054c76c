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

/** Positions of the candidates that each scorer would take for an hour (or from a part of one on), best first, at most `most`. */
export function rankAll(
  scorers: readonly Scorer[],
  candidates: readonly Candidate[],
  {
    bucket,
    lastBucket,
    most,
    horizonMs = hourMs,
  }: { bucket: number; lastBucket: number; most: number; horizonMs?: number },
): Map<string, number[]> {
  const at = scoreAt(candidates, { now: bucket * hourMs, horizonMs, lastBucket });
  const heats = new Float64Array(candidates.length);
  const ranked = new Map<string, number[]>();
  for (const scorer of scorers) {
    for (let i = 0; i < heats.length; i++) heats[i] = scorer.score(candidates[i]!, at).heat;
    ranked.set(scorer.name, topOf(heats, most));
  }
  return ranked;
}
