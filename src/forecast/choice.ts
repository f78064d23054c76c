import type { Standing } from '../rooms.ts';

/** How soon it is forgotten how well an expert did. */
const halfLifeHours = 48;
/** Hours with fewer reads say nothing about a forecast. */
export const leastReads = 30;
/** Before so many hours were judged the choice is the expert that is there from the beginning. */
const leastHours = 24;

/** A score after one more hour that came so many hours after the last one. */
export function judged(score: number, precision: number, hoursLater: number): number {
  const left = 0.5 ** (hoursLater / halfLifeHours);
  return score * left + precision * (1 - left);
}

/** The expert that did best, the first of equals; undefined while too little has been judged. */
export function bestOf(standings: readonly Standing[]): Standing | undefined {
  const known = standings.filter(({ hours }) => hours >= leastHours);
  return known.reduce<Standing | undefined>(
    (best, each) => (best === undefined || each.score > best.score ? each : best),
    undefined,
  );
}

/** As many keys as an hour is judged by: half of those that were read in it. */
export const judgedBy = (read: number): number => Math.max(1, Math.round(read / 2));
