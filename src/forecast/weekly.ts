import { blendPerHour } from './blend.ts';
import { daytime } from './daytime.ts';
import { inSteps } from './scorer.ts';

const weekHours = 168;
/** How much less than a week the one before it counts. */
const older = 0.7;
/** So many accesses in hours like this one weigh as much as what was expected of them. */
const evidence = 4;

/** The blend, corrected by how much more was read in this hour of this weekday than one would expect of any. */
export const weekly = inSteps(
  'blend-week-hour',
  (candidate, at, tell) => {
    let perHour = blendPerHour(candidate, at, tell);
    const { rates, knownHours, echo } = candidate;
    let [read, weight] = [0, 0];
    for (
      let week = 1, each = 1;
      week * weekHours <= knownHours && week <= (echo?.weeks.length ?? 0);
      week++
    ) {
      read += each * echo!.weeks[week - 1]!;
      weight += each;
      each *= older;
    }
    const expected = weight * rates[168] * daytime(candidate, at);
    perHour *= (read + evidence) / (expected + evidence);
    tell('hour of week', perHour);
    return perHour;
  },
  { needsEcho: true },
);
