import { type Duration, durationMs } from '../duration.ts';
import type { TtlPolicy } from '../lifetime.ts';

/** The same for every entry. */
export function fixed(length: Duration): TtlPolicy {
  const ms = durationMs(length, 'ttl.fixed');
  return { longestMs: ms, usualMs: ms, of: () => ms };
}
