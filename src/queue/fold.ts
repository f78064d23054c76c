import type { Clock } from '../clock.ts';
import { minuteMs } from '../duration.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** Logs the same trouble once a minute with its count, not once a connection and try. */
export function foldedErrors(clock: Clock, log: Log, what: string): (error: unknown) => void {
  const seen = new Map<string, { since: number; more: number }>();
  return (error) => {
    const reason = messageOf(error);
    const now = clock.elapsed();
    const before = seen.get(reason);
    if (before && now - before.since < minuteMs) {
      before.more++;
      return;
    }
    if (seen.size >= 100) seen.clear();
    seen.set(reason, { since: now, more: 0 });
    log.warn({ reason, ...(before?.more ? { times: before.more + 1 } : {}) }, what);
  };
}
