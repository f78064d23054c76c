import { minuteMs, secondMs } from '../duration.ts';

/** When a schedule fires, as its engine sees it. */
export interface Timing {
  /** The seconds of a minute at which it may fire. */
  readonly seconds: readonly number[];
  /** True when it fires at this instant (epoch ms, a whole second). */
  fires(at: number): boolean;
}

/** The slots in (after, upto], oldest first; at most the newest `most`. */
export function slotsBetween(timing: Timing, after: number, upto: number, most: number): number[] {
  const seconds = [...timing.seconds].sort((a, b) => b - a);
  const found: number[] = [];
  for (let minute = Math.floor(upto / minuteMs) * minuteMs; minute + minuteMs > after; minute -= minuteMs) {
    // Everything but the second is the same within a minute, so one question rules most minutes out.
    if (seconds.length === 0 || !timing.fires(minute + seconds[0]! * secondMs)) continue;
    for (const second of seconds) {
      const slot = minute + second * secondMs;
      if (slot > upto || slot <= after) continue;
      found.unshift(slot);
      if (found.length === most) return found;
    }
  }
  return found;
}
