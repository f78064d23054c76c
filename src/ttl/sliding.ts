import { type Duration, durationMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import type { TtlPolicy } from '../lifetime.ts';

/** So long after the last read, and at most `most` after the fill, so that no value grows old because it is popular. */
export function sliding(length: Duration, { most }: { readonly most: Duration }): TtlPolicy {
  const ms = durationMs(length, 'ttl.sliding');
  const longestMs = durationMs(most, 'ttl.sliding.most');
  if (longestMs < ms)
    throw new SamovarError(
      'E_CONFIG',
      `expected \`ttl.sliding.most\` to be at least its length, got ${most}`,
    );
  return { longestMs, usualMs: ms, of: () => ms, slideMs: ms };
}
