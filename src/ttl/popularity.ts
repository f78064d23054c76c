import { type Duration, durationMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import type { TtlFacts, TtlPolicy } from '../lifetime.ts';

export interface Popularity<Id = unknown, Value = unknown> {
  /** For keys that nobody reads. */
  readonly shortest: Duration;
  /** What the most popular keys come near to. */
  readonly longest: Duration;
  /** Reads a minute that bring a key half of the way. @default 10 */
  readonly halfAt?: number;
  /** Reads of a key a minute. @default what this process has seen */
  readonly readsPerMinute?: (facts: TtlFacts<Id, Value>) => number;
}

/** The more a key is read, the longer it stays. */
export function popularity<Id = unknown, Value = unknown>(
  options: Popularity<Id, Value>,
): TtlPolicy<Id, Value> {
  const { halfAt = 10, readsPerMinute } = options;
  const shortest = durationMs(options.shortest, 'ttl.popularity.shortest');
  const longest = durationMs(options.longest, 'ttl.popularity.longest');
  if (!(longest >= shortest && halfAt > 0))
    throw new SamovarError(
      'E_CONFIG',
      'expected `ttl.popularity` to have a `longest` of at least `shortest` and a `halfAt` above 0',
    );
  return {
    longestMs: longest,
    usualMs: (shortest + longest) / 2,
    countsReads: readsPerMinute === undefined,
    of(facts) {
      const rate = Math.max(0, readsPerMinute ? readsPerMinute(facts) : facts.readsPerMinute());
      return rate === Number.POSITIVE_INFINITY
        ? longest
        : shortest + (longest - shortest) * (rate / (rate + halfAt));
    },
  };
}
