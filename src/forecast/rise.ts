import type { Candidate, Rise } from '../rooms.ts';
import type { Candidates } from './scorer.ts';

const dayHours = 24;
/** Two days at least must have been seen before one hour can differ from another. */
const leastHours = 48;
/** A day begins to rise in the first hour with this share of an average hour, and of the fullest one, after a quiet one. */
const risen = { ofMean: 0.75, ofPeak: 0.25 };
/** An hour is quiet below this share of what a risen one has at least. */
const quiet = 0.7;
/** From here on (twice the logarithm of the likelihood ratio) a key's hours differ from its cache's by more than chance: that alone comes to 13, to 26 where reads come in bursts. */
const leastDifference = 40;
/** Share of a cache's reads that is taken to be spread over the day evenly: no hour is impossible. */
const even = 0.1;
/** A key has a part in a stretch of its cache's day until it is read less than this share of what would be its part … */
const leastPart = 0.3;
/** … by its own reads and so many that are taken to be like its cache's. */
const evidence = 5;
/** What stands for the load of a key that was never timed. */
const unknownCostMs = 10;

/** Reads of a whole cache by hour of day (UTC), as shares of 1; undefined while its days are too few. */
function wholeDay(candidates: Candidates): readonly number[] | undefined {
  const sums = new Array<number>(dayHours).fill(0);
  for (let i = 0; i < candidates.length; i++) {
    const { hours, knownHours } = candidates.at(i)!;
    if (knownHours < leastHours) continue;
    hours?.forEach((count, hour) => {
      sums[hour]! += count;
    });
  }
  return sharesOf(sums);
}

/** A stretch of the day: the hour in which reads begin to be more again after a quiet time, and all until it is quiet again. */
interface Stretch {
  readonly rise: number;
  readonly hours: readonly number[];
}

function stretchesOf(day: readonly number[]): Stretch[] {
  const mean = day.reduce((sum, share) => sum + share, 0) / dayHours;
  const high = Math.max(risen.ofMean * mean, risen.ofPeak * Math.max(...day));
  const lowest = day.indexOf(Math.min(...day));
  const stretches: { rise: number; hours: number[] }[] = [];
  let open: { rise: number; hours: number[] } | undefined;
  let isQuiet = false;
  for (let after = 0; after < dayHours; after++) {
    const hour = (lowest + after) % dayHours;
    if (day[hour]! < quiet * high) {
      isQuiet = true;
      open = undefined;
    } else if (isQuiet && day[hour]! >= high) {
      isQuiet = false;
      open = { rise: hour, hours: [] };
      stretches.push(open);
    }
    open?.hours.push(hour);
  }
  return stretches.sort((a, b) => a.rise - b.rise);
}

/** Hours of day in which reads begin to be more again after a quiet time, earliest first; none where the day is even. */
export const risesOf = (day: readonly number[]): number[] => stretchesOf(day).map(({ rise }) => rise);

/** The day of a key where that differs from its cache's by more than chance. */
function ownDay(hours: readonly number[], whole: readonly number[]): readonly number[] | undefined {
  const total = sumOf(hours);
  const difference = hours.reduce((sum, count, hour) => {
    const expected = total * ((1 - even) * whole[hour]! + even / dayHours);
    return count > 0 ? sum + 2 * count * Math.log(count / expected) : sum;
  }, 0);
  return difference > leastDifference ? sharesOf(hours) : undefined;
}

/** Whether a key has so few reads in a stretch in which its cache has many that it has no part in it. */
function isAway(counts: readonly number[], whole: readonly number[], { hours }: Stretch): boolean {
  const shared = sumOf(hours.map((hour) => whole[hour]!));
  const own = sumOf(hours.map((hour) => counts[hour]!));
  return (own + evidence * shared) / (sumOf(counts) + evidence) < leastPart * shared;
}

interface Rising {
  readonly hour: number;
  /** Share of the key's day that falls into that hour. */
  readonly share: number;
}

/**
 * Tells in which hours a key rises: those of its own day where that is known to be its own, else those of its cache's day
 * that it has a part in. Undefined while the cache's days are too few.
 */
function risingOf(candidates: Candidates): ((candidate: Candidate) => Rising[]) | undefined {
  const whole = wholeDay(candidates);
  if (whole === undefined) return undefined;
  const shared = stretchesOf(whole);
  return ({ hours, knownHours }) => {
    const counts = knownHours < leastHours ? undefined : hours;
    const own = counts && ownDay(counts, whole);
    if (own !== undefined) return risesOf(own).map((hour) => ({ hour, share: own[hour]! }));
    return shared
      .filter((stretch) => counts === undefined || !isAway(counts, whole, stretch))
      .map(({ rise }) => ({ hour: rise, share: whole[rise]! }));
  };
}

/** Whether a key is among those that rise in an hour of day; the answer of a cache whose days are too few is no. */
export function risesIn(hour: number, candidates: Candidates): (candidate: Candidate) => boolean {
  const rising = risingOf(candidates);
  return (candidate) => rising?.(candidate).some((each) => each.hour === hour) ?? false;
}

/** Groups keys by the hours in which they rise, earliest hour first. A key that rises twice a day is in two groups. */
export function groupByRise(candidates: Candidates): Rise[] {
  const rising = risingOf(candidates);
  const groups = new Map<number, { keys: number; readsPerHour: number; costMs: number }>();
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates.at(i)!;
    for (const { hour, share } of rising?.(candidate) ?? []) {
      const group = groups.get(hour) ?? { keys: 0, readsPerHour: 0, costMs: 0 };
      group.keys += 1;
      group.readsPerHour += candidate.rates[72] * dayHours * share;
      group.costMs += candidate.costMs ?? unknownCostMs;
      groups.set(hour, group);
    }
  }
  return [...groups]
    .map(([hour, { costMs, ...group }]) => ({ hour, ...group, costMs: costMs / group.keys }))
    .sort((a, b) => a.hour - b.hour);
}

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

function sharesOf(counts: readonly number[]): number[] | undefined {
  const total = sumOf(counts);
  return total > 0 ? counts.map((count) => count / total) : undefined;
}
