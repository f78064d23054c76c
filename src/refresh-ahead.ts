import { defaults } from './defaults.ts';
import type { AnyCacheDef, RefreshAheadOptions } from './define.ts';
import { durationMs } from './duration.ts';
import type { DueResults, DueVerdict, FillReport } from './rooms.ts';

/** How the entries of a cache are refreshed ahead of their end, with the defaults filled in. */
export interface RefreshAhead {
  /** Share of its ttl after which an entry is due. */
  readonly at: number;
  /** What a refresh may cost, where a miss costs 1. */
  readonly refreshCost: number;
  /** Bounds of a key's own ttl, as shares of the configured one. */
  readonly min: number;
  readonly max: number;
  /** Those due within so long of each other are loaded together. @default as the time between due and ended suggests */
  readonly gatherMs?: number;
}

/** Undefined for a cache that does not ask for it. */
export function refreshAheadOf({
  refreshAhead,
}: Pick<AnyCacheDef, 'refreshAhead'>): RefreshAhead | undefined {
  if (refreshAhead === undefined) return undefined;
  const { gatherFor, ...given }: RefreshAheadOptions =
    typeof refreshAhead === 'number' ? { at: refreshAhead } : refreshAhead;
  return {
    ...defaults.refreshAhead,
    ...given,
    ...(gatherFor === undefined ? {} : { gatherMs: durationMs(gatherFor, 'refreshAhead.gatherFor') }),
  };
}

/** What became of keys that were due, in numbers: what was decided, and how the refreshes among them ended. */
export function dueResults(verdicts: readonly DueVerdict[], report: FillReport): DueResults {
  const { unchanged = 0, results } = report;
  const stillCurrent = report.stillCurrent?.length ?? 0;
  const judged = (verdict: DueVerdict) => verdicts.filter((each) => each === verdict).length;
  const ended = (...names: string[]) => results.filter((each) => names.includes(each)).length;
  return {
    refreshed: ended('written', 'missing'),
    unchanged: unchanged - stillCurrent,
    stillCurrent,
    fresh: judged('fresh') + ended('fresh', 'busy') - stillCurrent,
    gone: judged('gone') + ended('lost'),
    unworthy: judged('unworthy'),
    failed: ended('failed'),
    budget: ended('planned', 'budget'),
  };
}
