import { hourMs } from '../duration.ts';
import type { Candidate } from '../rooms.ts';
import { weightOf } from './fold.ts';
import { inSteps, type Lesson, type ScoreAt, type Tell } from './scorer.ts';

const name = 'logistic';
const dayHours = 24;
const weekHours = 168;
/** How large the first steps are; AdaGrad makes them smaller by itself. */
const rate = 0.3;
/** What keeps the first step of a weight from being without bound. */
const first = 1e-6;
/** Beyond this a chance is as good as none or certain. */
const mostLogit = 30;
/** Of candidates that nobody read, at most so many for each that was are learned from. */
const unreadPerRead = 4;

const features = [
  'always',
  'last hour',
  '3 h',
  '24 h',
  '168 h',
  'hour of yesterday',
  'hour of day',
  'hours since read',
  'hour of last week',
] as const;
const size = features.length;

/** Logarithms of 1 + n / 4: counts, and the quarters of them that an echo is made of, are the same few again and again. */
const quarters = Float64Array.from({ length: 4_096 }, (_, n) => Math.log1p(n / 4));
const log1p = (count: number): number => {
  const at = 4 * count;
  return at < quarters.length && at === (at | 0) && at >= 0 ? quarters[at]! : Math.log1p(count);
};

/** What is looked at; written into the same place again and again, because there are many candidates. */
function look(
  { rates, hours, echo, lastBucket, knownHours }: Candidate,
  at: ScoreAt,
  into: Float64Array,
): void {
  const hour = Math.floor(at.now / hourMs) % dayHours;
  into[0] = 1;
  into[1] = log1p(echo?.last ?? 0);
  into[2] = Math.log1p(10 * rates[3]);
  into[3] = Math.log1p(10 * rates[24]);
  into[4] = Math.log1p(10 * rates[168]);
  into[5] = log1p(echo?.yesterday ?? 0);
  into[6] = hours === undefined ? 0 : Math.log1p((10 * dayHours * hours[hour]!) / weightOf(72));
  into[7] = -log1p(Math.max(0, at.lastBucket - lastBucket));
  into[8] = knownHours >= weekHours ? log1p(echo?.weeks[0] ?? 0) : 0;
}

const seen = new Float64Array(size);

/** Log odds of being read; weights first, then the squares of their steps so far. */
function logit(learned: readonly number[], tell?: (feature: string, sum: number) => void): number {
  let sum = 0;
  for (let i = 0; i < size; i++) {
    sum += learned[i]! * seen[i]!;
    tell?.(features[i]!, sum);
  }
  return Math.max(-mostLogit, Math.min(mostLogit, sum));
}

const chanceOf = (logOdds: number): number => 1 / (1 + Math.exp(-logOdds));
/** Accesses per hour of which so many hours have at least one. */
const rateOf = (chance: number): number => -Math.log(Math.max(1e-13, 1 - chance));

function perHour(candidate: Candidate, at: ScoreAt, tell: Tell): number {
  const learned = at.learned?.get(name);
  if (learned === undefined) return candidate.rates[24];
  look(candidate, at, seen);
  return rateOf(chanceOf(logit(learned, (feature, sum) => tell(feature, rateOf(chanceOf(sum))))));
}

/**
 * One round of AdaGrad over an hour: in an order that is always the same and mixes hot and cold, every candidate that was
 * read and some of those that were not, which count for the others.
 */
function learn(before: readonly number[] | undefined, { candidates, at, isRead }: Lesson): readonly number[] {
  const learned = before === undefined ? new Array<number>(2 * size).fill(0) : [...before];
  const count = candidates.length;
  let read = 0;
  for (let i = 0; i < count; i++) if (isRead(i)) read += 1;
  const every = Math.max(1, Math.floor((count - read) / (unreadPerRead * Math.max(read, 25))));
  const step = strideOf(count);
  let unread = 0;
  for (let k = 0, i = at.lastBucket % Math.max(1, count); k < count; k++, i = (i + step) % count) {
    const isWanted = isRead(i);
    if (!isWanted && unread++ % every !== 0) continue;
    look(candidates.at(i)!, at, seen);
    const miss = (chanceOf(logit(learned)) - (isWanted ? 1 : 0)) * (isWanted ? 1 : every);
    for (let f = 0; f < size; f++) {
      const slope = miss * seen[f]!;
      learned[size + f]! += slope * slope;
      learned[f]! -= (rate * slope) / Math.sqrt(first + learned[size + f]!);
    }
  }
  return learned;
}

/** Visits every position once, far apart from the one before. */
function strideOf(count: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  let step = Math.max(1, Math.floor(count * 0.618));
  while (gcd(count, step) > 1) step += 1;
  return step;
}

/** A small regression that learns, hour by hour, from what the other rules know; the rate of a day until it was told of one. */
export const logistic = inSteps(name, perHour, { needsEcho: true, learn });
