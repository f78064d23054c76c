import { type Duration, dayMs, durationMs } from '../duration.ts';
import type { TtlPolicy } from '../lifetime.ts';

/** As the value itself says. What it says beyond `longest` is cut to it. */
export function byValue<Id = unknown, Value = unknown>(
  of: (value: Value, id: Id) => Duration,
  { longest = 7 * dayMs }: { readonly longest?: Duration } = {},
): TtlPolicy<Id, Value> {
  const longestMs = durationMs(longest, 'ttl.byValue.longest');
  return { longestMs, usualMs: longestMs, of: ({ value, id }) => of(value, id) };
}
