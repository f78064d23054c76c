import { dayMs, hourMs } from '../duration.ts';
import type { HalfLifeHours } from '../rooms.ts';
import { leftOf, weightOf } from './fold.ts';

/** The memories that are asked, the longest first. */
export const memories = [168, 24, 6, 1] as const satisfies readonly HalfLifeHours[];

/** What is known of a key when it is asked whether somebody will read it soon. */
export interface Known {
  /** Decayed accesses up to `lastBucket` by memory, as `key_state` holds them. */
  readonly sums: readonly number[];
  readonly lastBucket: number;
  /** Hours since it was first read, the present one included. */
  readonly knownHours: number;
  /** Accesses of hours after the last folded one. */
  readonly open: number;
}

/** The moment a chance is told for. */
export interface ChanceAt {
  readonly now: number;
  /** How far ahead it speaks. */
  readonly withinMs: number;
  /** The last hour that is folded into the state of keys. */
  readonly folded: number;
  /** Share of the cache's accesses by hour of day (UTC); undefined while too little is known. */
  readonly hourShares?: readonly number[] | undefined;
}

/** A key is taken to have been known, and not read, for this many hours before its first access. */
const hoursBefore = 24;
/** A shorter memory must have seen this many accesses to weigh as much as the longer one. */
const evidence = 4;
/** Days on which a cache was read before one hour of day may differ from another. */
export const leastDays = 2;
/** Share of the accesses that is spread over the day evenly: no hour is quite without. */
const even = 0.1;
const dayHours = 24;

/** Shares by hour of day from counts by hour of day; undefined when there are none. */
export function sharesOf(counts: ArrayLike<number>): number[] | undefined {
  let total = 0;
  for (let hour = 0; hour < dayHours; hour++) total += counts[hour]!;
  if (total <= 0) return undefined;
  return Array.from({ length: dayHours }, (_, hour) => {
    const around = (counts[(hour + dayHours - 1) % dayHours]! + counts[(hour + 1) % dayHours]!) / 4;
    return ((1 - even) * (counts[hour]! / 2 + around)) / total + even / dayHours;
  });
}

/** How busy the cache is over the time that is spoken of, 1 = as on average. */
export function daytimeOf({ now, withinMs, hourShares }: ChanceAt): number {
  if (hourShares === undefined) return 1;
  const until = now + Math.min(Math.max(withinMs, 1), dayMs);
  let sum = 0;
  for (let from = now; from < until; ) {
    const hour = Math.floor(from / hourMs);
    const to = Math.min(until, (hour + 1) * hourMs);
    sum += ((to - from) / (until - now)) * hourShares[hour % dayHours]!;
    from = to;
  }
  return sum * dayHours;
}

/**
 * How likely somebody reads a key within a time, if reads come by chance: at the rate that a week shows, corrected by what
 * a day, some hours and the last hour have seen, each as far as it has seen enough, and by the time of day.
 */
export function chanceOfRead(known: Known, at: ChanceAt): number {
  const { sums, knownHours, lastBucket, open } = known;
  const openHours = Math.max(0, at.now / hourMs - (at.folded + 1));
  const age = Math.max(0, at.folded - lastBucket) + openHours;
  // The present hour counts as far as it has come: as much of it as is over is taken to be seen.
  let perHour = 0;
  for (let i = 0; i < memories.length; i++) {
    const halfLife = memories[i]!;
    const seen = weightOf(halfLife, knownHours) * leftOf(openHours, halfLife) + openHours;
    const sum = sums[i]! * leftOf(age, halfLife) + open;
    if (i === 0) perHour = sum / (seen + hoursBefore);
    else perHour *= (sum + evidence) / (perHour * seen + evidence);
  }
  return 1 - Math.exp(-perHour * daytimeOf(at) * (at.withinMs / hourMs));
}
