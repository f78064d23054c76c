import { hourMs } from '../duration.ts';
import type { Scorecard, ScorecardCounts } from '../rooms.ts';

/** Pure: what the counts of a plan and of what came say about it. */
export function toScorecard(counts: ScorecardCounts): Scorecard {
  const { written, read, used, foreseeable } = counts;
  return {
    ...counts,
    unused: written - used,
    // A load spares at most one miss: what was not used, the origin was asked for in vain.
    savedPerLoad: share(used, written),
    extraLoads: written - used,
    precision: share(read, written),
    recall: share(read, foreseeable),
  };
}

const share = (part: number, whole: number): number | undefined => (whole === 0 ? undefined : part / whole);

/** The hours that a plan spoke of, first and last: from its making until its horizon or its entries end. */
export function hoursOf({
  at,
  horizonMs,
  ttlMs,
}: {
  at: number;
  horizonMs: number;
  ttlMs: number;
}): [number, number] {
  const until = at + Math.max(1, Math.min(horizonMs, ttlMs));
  return [Math.floor(at / hourMs), Math.floor((until - 1) / hourMs)];
}
