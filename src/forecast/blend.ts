import { hourMs, secondMs } from '../duration.ts';
import type { Candidate, HalfLifeHours, Term } from '../rooms.ts';
import { daytime, exposure } from './daytime.ts';
import { weightOf } from './fold.ts';
import type { ScoreAt, Scorer } from './scorer.ts';

/** What is always there, what the day shows, what is rising now. */
const longest = 168;
const shorter: readonly HalfLifeHours[] = [24, 3];
/** A key is taken to have been known, and not read, for this many hours before its first access. */
const hoursBefore = 24;
/** A shorter memory must have seen this many accesses to weigh as much as the longer one. */
const evidence = 4;

/**
 * Starts from the long memory and lets each shorter one correct it as far as it has seen enough: a quiet catalogue keeps
 * its order, news moves at once. No single half-life, and no plain mean of several, does both. The last term is the hour
 * of day.
 */
export const blend: Scorer = {
  name: `blend-${[longest, ...shorter].join('-')}h`,
  score(candidate, at) {
    const rates = steps(candidate, at);
    const terms = rates.map(
      ({ name, perHour }, i): Term => ({ name, heat: toHeat(perHour - (rates[i - 1]?.perHour ?? 0)) }),
    );
    return { heat: toHeat(rates.at(-1)!.perHour), terms };
  },
};

/** The rate as each memory in turn leaves it. */
function steps(candidate: Candidate, at: ScoreAt): { name: string; perHour: number }[] {
  const { knownHours } = candidate;
  let perHour = sumOf(candidate, longest) / (exposure(longest, knownHours, at) + hoursBefore);
  const rates = [{ name: `${longest} h`, perHour }];
  for (const halfLife of shorter) {
    perHour *=
      (sumOf(candidate, halfLife) + evidence) / (perHour * exposure(halfLife, knownHours, at) + evidence);
    rates.push({ name: `${halfLife} h`, perHour });
  }
  rates.push({ name: 'hour of day', perHour: perHour * daytime(candidate, at) });
  return rates;
}

const sumOf = ({ rates }: Candidate, halfLife: HalfLifeHours): number => rates[halfLife] * weightOf(halfLife);
const toHeat = (perHour: number): number => (perHour * secondMs) / hourMs;
