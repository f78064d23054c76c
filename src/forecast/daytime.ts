import { dayMs, hourMs } from '../duration.ts';
import type { Candidate, HalfLifeHours } from '../rooms.ts';
import { leftOf, weightOf } from './fold.ts';
import type { Candidates, ScoreAt } from './scorer.ts';

const dayHours = 24;
/** Two days at least must have been seen before one hour can differ from another. */
const leastHours = 48;
/** A key is taken to be read when its cache is, until its own accesses outweigh this many. */
const evidence = 50;
/** No hour of day makes a key more than this much hotter than its cache. */
const mostAboveCache = 8;
/** Share of the accesses that is spread over the day evenly: no hour is quite without. */
const even = 0.1;

/** Share of the accesses to all candidates by hour of day; undefined while too little is known. */
export function hourShares(candidates: Candidates): number[] | undefined {
  const sums = new Array<number>(dayHours).fill(0);
  for (let i = 0; i < candidates.length; i++) {
    const { hours, knownHours } = candidates.at(i)!;
    if (hours === undefined || knownHours < leastHours) continue;
    for (let hour = 0; hour < dayHours; hour++) sums[hour]! += hours[hour]!;
  }
  const total = sums.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return undefined;
  return sums.map((_, hour) => ((1 - even) * smoothed(sums, hour)) / total + even / dayHours);
}

/** How much more a key is read in the hours of the horizon than on average over its day; 1 while that is not known. */
export function daytime({ hours, knownHours }: Candidate, at: ScoreAt): number {
  if (at.hourShares === undefined) return 1;
  const shared = within(at.hourShares, at);
  if (hours === undefined || knownHours < leastHours) return shared * dayHours;
  let total = 0;
  for (let hour = 0; hour < dayHours; hour++) total += hours[hour]!;
  const own = (within(hours, at, smoothed) + evidence * shared) / (total + evidence);
  return Math.min(own, shared * mostAboveCache) * dayHours;
}

/**
 * How many average hours a memory has seen of a key that has been known for so long: a morning's four accesses mean more
 * at four than at ten.
 */
export function exposure(halfLife: HalfLifeHours, knownHours: number, at: ScoreAt): number {
  const { hourShares: shares } = at;
  if (shares === undefined) return weightOf(halfLife, knownHours);
  const seen = seenBy(at, shares, halfLife);
  if (knownHours >= mostRemembered || !Number.isInteger(knownHours))
    return exposureOf(seen, halfLife, knownHours);
  const { remembered } = seen;
  // 0 is none yet: a key that is known was there for an hour.
  if (remembered[knownHours] === 0) remembered[knownHours] = exposureOf(seen, halfLife, knownHours);
  return remembered[knownHours]!;
}

function exposureOf({ upto }: Seen, halfLife: HalfLifeHours, knownHours: number): number {
  const leftAfterDay = leftOf(dayHours, halfLife);
  const leftAfterDays = leftAfterDay ** Math.floor(knownHours / dayHours);
  const restOfDay = upto[Math.floor(knownHours % dayHours)]!;
  return (upto[dayHours]! * (1 - leftAfterDays)) / (1 - leftAfterDay) + restOfDay * leftAfterDays;
}

/** What one memory has seen, the same for every key that is scored at one moment. */
interface Seen {
  /** How many average hours of the last 0, 1, … 24 hours. */
  readonly upto: Float64Array;
  /** Exposures by known hours: many keys have been known equally long. */
  readonly remembered: Float64Array;
}
const mostRemembered = 2_048;
const seen = new WeakMap<ScoreAt, Map<HalfLifeHours, Seen>>();

function seenBy(at: ScoreAt, shares: readonly number[], halfLife: HalfLifeHours): Seen {
  let known = seen.get(at);
  if (known === undefined) {
    known = new Map();
    seen.set(at, known);
  }
  let found = known.get(halfLife);
  if (found === undefined) {
    const upto = new Float64Array(dayHours + 1);
    for (let ago = 0; ago < dayHours; ago++)
      upto[ago + 1] =
        upto[ago]! + leftOf(ago, halfLife) * shares[(at.lastBucket - ago) % dayHours]! * dayHours;
    found = { upto, remembered: new Float64Array(mostRemembered) };
    known.set(halfLife, found);
  }
  return found;
}

/** Mean over the hours that the horizon touches, weighted by how long it touches them. */
function within(
  hours: readonly number[],
  { now, horizonMs }: ScoreAt,
  read: (hours: readonly number[], hour: number) => number = (all, hour) => all[hour]!,
): number {
  const until = now + Math.min(Math.max(horizonMs, 1), dayMs);
  let sum = 0;
  for (let from = now; from < until; ) {
    const hour = Math.floor(from / hourMs);
    const to = Math.min(until, (hour + 1) * hourMs);
    sum += ((to - from) / (until - now)) * read(hours, hour % dayHours);
    from = to;
  }
  return sum;
}

const smoothed = (hours: readonly number[], hour: number): number =>
  hours[hour]! / 2 + (hours[(hour + dayHours - 1) % dayHours]! + hours[(hour + 1) % dayHours]!) / 4;
