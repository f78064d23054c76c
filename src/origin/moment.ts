import type { Clock } from '../clock.ts';

/** The moments at which granted loads are to begin: told by the limiter's clock, kept by ours. */
export interface Moments {
  /** When, by our elapsed time, the load of a reply may begin. Call it as soon as the reply is there. */
  of(reply: { readonly at: number; readonly waitMs: number }): number;
  /** Waits for a moment; false when it is past. */
  keep(momentAt: number, signal: AbortSignal): Promise<boolean>;
}

/** Loads that begin later than this, and later than usual here, would bunch with those whose moment it is then. */
const lateLimitMs = 15;
/** Clocks that go apart are followed at this pace; one that jumped, at once. */
const driftMs = 0.1;
const jumpMs = 1_000;

export function createMoments(clock: Clock): Moments {
  // The limiter's time when ours is 0. A reply that took long shows too little of it: the highest is the best known.
  let offset = Number.NEGATIVE_INFINITY;
  let usualLateMs = 0;
  return {
    of({ at, waitMs }) {
      const seen = at - clock.elapsed();
      offset = Math.abs(seen - offset) > jumpMs ? seen : Math.max(seen, offset - driftMs);
      return at + waitMs - offset;
    },
    async keep(momentAt, signal) {
      const earlyMs = momentAt - clock.elapsed();
      if (earlyMs > 0) await clock.sleep(earlyMs, signal);
      const lateMs = Math.max(0, clock.elapsed() - momentAt);
      const isPast = lateMs > lateLimitMs + 2 * usualLateMs;
      usualLateMs += (lateMs - usualLateMs) / 16;
      return !isPast;
    },
  };
}
