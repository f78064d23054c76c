import { hourMs } from '../duration.ts';
import type { Candidate } from '../rooms.ts';
import { inSteps, type Lesson, type ScoreAt, type Scorer } from './scorer.ts';

/** What comes next after hours of a series, so many of them. Throws where it finds no model. */
export type FitSeries = (series: Float64Array, ahead: number) => readonly number[];

const dayHours = 24;
/** Keys by the quarter of the day in which they are read most; those of which that is not known are a group, too. */
const groups = 5;
/** Hours that are kept of each group: two weeks, so that a model may know of weekdays. */
const kept = 336;
/** Hours that are known before a model is fitted to them. */
const least = 72;
/** After a longer gap what was known of its hours is no series any more. */
const longestGap = 48;
/** No hour makes a group more than this much hotter than its average, or colder. */
const most = 8;
/** A group of which this share is read in an hour is as good as not read. */
const little = 1e-3;

/** Where things stand in what is learned: two instants (epoch hours), how much is known, then the hours, then the forecasts. */
const [lastAt, fittedAt, knownAt, head] = [0, 1, 2, 3];
const seriesOf = (group: number): number => head + group * kept;
const aheadOf = (group: number): number => head + groups * kept + group * dayHours;
const size = aheadOf(groups);

/**
 * Keys are taken together by their time of day; of each group it is learned what share of its keys is read hour by hour, and once a
 * day a seasonal model is fitted to that, which foresees the day ahead. A key is as hot as its memory of a day says, times how
 * much more of its group is expected to be read than on average.
 */
export function seasonal(fit: FitSeries): Scorer {
  return inSteps(
    seasonalName,
    (candidate, at, tell) => {
      const perHour = candidate.rates[24];
      tell('24 h', perHour);
      const shaped = perHour * factorOf(candidate, at);
      tell('season of its group', shaped);
      return shaped;
    },
    { learn: (learned, lesson) => learn(fit, learned, lesson) },
  );
}

export const seasonalName = 'seasonal-groups';

function groupOf({ hours }: Candidate): number {
  if (hours === undefined) return groups - 1;
  let fullest = 0;
  for (let hour = 1; hour < dayHours; hour++) if (hours[hour]! > hours[fullest]!) fullest = hour;
  return Math.floor((fullest / dayHours) * (groups - 1));
}

function factorOf(candidate: Candidate, { now, horizonMs, learned }: ScoreAt): number {
  const state = learned?.get(seasonalName);
  if (state === undefined || state.length !== size || state[fittedAt] === 0) return 1;
  const group = groupOf(candidate);
  const first = Math.floor(now / hourMs) - state[fittedAt]! - 1;
  const hours = Math.max(1, Math.min(dayHours, Math.round(horizonMs / hourMs)));
  let sum = 0;
  for (let hour = first; hour < first + hours; hour++) {
    if (hour < 0) return 1;
    // A day that was foreseen stands for the ones after it, until the next is.
    sum += state[aheadOf(group) + (hour % dayHours)]!;
  }
  const known = Math.min(state[knownAt]!, 7 * dayHours);
  let mean = 0;
  for (let ago = 0; ago < known; ago++) mean += state[seriesOf(group) + kept - 1 - ago]! / known;
  return Math.min(most, Math.max(1 / most, (sum / hours + little) / (mean + little)));
}

function learn(fit: FitSeries, learned: readonly number[] | undefined, lesson: Lesson): readonly number[] {
  const bucket = Math.floor(lesson.at.now / hourMs);
  const isSound = learned !== undefined && learned.length === size && bucket - learned[lastAt]! <= longestGap;
  const state = isSound ? [...learned] : new Array<number>(size).fill(0);
  const hours = isSound ? Math.max(0, bucket - state[lastAt]!) : 1;
  // An hour that was told before, as by a clock that was set back.
  if (hours === 0) return state;
  const shares = sharesOf(lesson);
  for (let group = 0; group < groups; group++) {
    const from = seriesOf(group);
    // Hours that were not judged had next to no reads.
    state.copyWithin(from, from + hours, from + kept);
    state.fill(0, from + kept - hours, from + kept - 1);
    state[from + kept - 1] = shares[group]!;
  }
  state[lastAt] = bucket;
  state[knownAt] = Math.min(kept, state[knownAt]! + hours);
  if (state[knownAt] >= least && bucket - state[fittedAt]! >= dayHours) foresee(fit, state, bucket);
  return state;
}

/** By group: the share of its keys that was read. */
function sharesOf({ candidates, isRead }: Lesson): number[] {
  const [keys, read] = [new Array<number>(groups).fill(0), new Array<number>(groups).fill(0)];
  for (let i = 0; i < candidates.length; i++) {
    const group = groupOf(candidates.at(i)!);
    keys[group]! += 1;
    if (isRead(i)) read[group]! += 1;
  }
  return keys.map((count, group) => (count === 0 ? 0 : read[group]! / count));
}

function foresee(modelOf: FitSeries, state: number[], bucket: number): void {
  for (let group = 0; group < groups; group++) {
    const from = seriesOf(group);
    const series = Float64Array.from(state.slice(from + kept - state[knownAt]!, from + kept));
    const ahead = aheadOf(group);
    let next: readonly number[];
    try {
      next = series.some((share) => share > 0) ? modelOf(series, dayHours) : [];
    } catch {
      next = [];
    }
    for (let hour = 0; hour < dayHours; hour++) {
      const share = next[hour];
      // Where there is no model, the day before is as good as any.
      const known = share !== undefined && Number.isFinite(share) ? share : series.at(hour - dayHours)!;
      state[ahead + hour] = Math.min(1, Math.max(0, known));
    }
  }
  state[fittedAt] = bucket;
}
