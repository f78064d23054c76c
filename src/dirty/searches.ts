import type { Clock } from '../clock.ts';
import { minuteMs } from '../duration.ts';

/** Whether one more statement may be sent to find rows that are to blame: so many a minute, whatever is written by whom. */
export function createSearches(mostPerMinute: number, clock: Pick<Clock, 'elapsed'>): () => boolean {
  let from = Number.NEGATIVE_INFINITY;
  let left = 0;
  return () => {
    const now = clock.elapsed();
    if (now - from >= minuteMs) {
      from = now;
      left = mostPerMinute;
    }
    left -= 1;
    return left >= 0;
  };
}
