import type { Candidate, HalfLifeHours } from '../rooms.ts';
import { daytime, exposure } from './daytime.ts';
import { weightOf } from './fold.ts';
import { inSteps, type ScoreAt, type Tell } from './scorer.ts';

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
export function blendPerHour(candidate: Candidate, at: ScoreAt, tell: Tell): number {
  const { knownHours } = candidate;
  let perHour = sumOf(candidate, longest) / (exposure(longest, knownHours, at) + hoursBefore);
  tell(`${longest} h`, perHour);
  for (const halfLife of shorter) {
    const expected = perHour * exposure(halfLife, knownHours, at);
    perHour *= (sumOf(candidate, halfLife) + evidence) / (expected + evidence);
    tell(`${halfLife} h`, perHour);
  }
  perHour *= daytime(candidate, at);
  tell('hour of day', perHour);
  return perHour;
}

export const blend = inSteps(`blend-${[longest, ...shorter].join('-')}h`, blendPerHour);

const sumOf = ({ rates }: Candidate, halfLife: HalfLifeHours): number => rates[halfLife] * weightOf(halfLife);
