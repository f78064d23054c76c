import { type Duration, durationMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import type { TtlFacts, TtlPolicy } from '../lifetime.ts';

export interface Tiers<Id = unknown, Value = unknown> {
  readonly hot: Duration;
  readonly warm: Duration;
  readonly cold: Duration;
  /** Reads a minute from which on a key is hot. @default 60 */
  readonly hotFrom?: number;
  /** Reads a minute from which on a key is warm. @default 1 */
  readonly warmFrom?: number;
  /** Reads of a key a minute. @default what this process has seen */
  readonly readsPerMinute?: (facts: TtlFacts<Id, Value>) => number;
}

/** One length for hot keys, one for warm ones, one for the rest. */
export function tiers<Id = unknown, Value = unknown>(options: Tiers<Id, Value>): TtlPolicy<Id, Value> {
  const { hotFrom = 60, warmFrom = 1, readsPerMinute } = options;
  const [hot, warm, cold] = (['hot', 'warm', 'cold'] as const).map((name) =>
    durationMs(options[name], `ttl.tiers.${name}`),
  ) as [number, number, number];
  if (!(hotFrom >= warmFrom))
    throw new SamovarError('E_CONFIG', 'expected `ttl.tiers.hotFrom` to be at least `warmFrom`');
  return {
    longestMs: Math.max(hot, warm, cold),
    usualMs: warm,
    countsReads: readsPerMinute === undefined,
    of(facts) {
      const rate = readsPerMinute ? readsPerMinute(facts) : facts.readsPerMinute();
      return rate >= hotFrom ? hot : rate >= warmFrom ? warm : cold;
    },
  };
}
