import type { Clock } from '../clock.ts';
import { minuteMs } from '../duration.ts';

/** Reads of keys in this process: a count that fades, so that it stands for reads a minute. */
export interface Rates {
  read(key: string, times?: number): void;
  /** Reads a minute. */
  of(key: string): number;
}

const mostKeys = 50_000;
/** Reads count less and less; after so long e times less. */
const memoryMs = 10 * minuteMs;

export function createRates(clock: Clock): Rates {
  const counts = new Map<string, { reads: number; at: number }>();
  const faded = (count: { reads: number; at: number }, now: number): number =>
    count.reads * Math.exp((count.at - now) / memoryMs);
  return {
    read(key, times = 1) {
      const now = clock.elapsed();
      const count = counts.get(key);
      if (count !== undefined) {
        count.reads = faded(count, now) + times;
        count.at = now;
        return;
      }
      if (counts.size >= mostKeys) forget(counts, (each) => faded(each, now));
      counts.set(key, { reads: times, at: now });
    },
    of(key) {
      const count = counts.get(key);
      return count === undefined ? 0 : faded(count, clock.elapsed()) / (memoryMs / minuteMs);
    },
  };
}

/** Drops those that are read least: what is below the mean. */
function forget<Count>(counts: Map<string, Count>, heat: (count: Count) => number): void {
  let sum = 0;
  for (const count of counts.values()) sum += heat(count);
  const mean = sum / counts.size;
  for (const [key, count] of counts) if (heat(count) <= mean) counts.delete(key);
}
