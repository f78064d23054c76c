import type { Standing } from '../rooms.ts';

/** How soon it is forgotten how well an expert did: what is new shows in the first, and the second keeps luck from passing for it. */
const halfLives = { lately: 48, long: 336 } as const;
/** Hours with fewer reads say nothing about a forecast. */
export const leastReads = 30;
/** Before so many hours were judged the choice is the expert that is there from the beginning. */
const leastHours = 6;
/** After one hour, the lead that may be nothing but chance; it shrinks with the root of the hours that are remembered. */
const chance = 0.05;
/** As many hours as are remembered at most. */
const mostHours = halfLives.lately / Math.LN2;
/** Before so many hours were judged nothing is said of how well traffic can be forecast. */
const leastToTell = 24;

/** What is remembered of how well an expert did: sums in which one hour counts less with every one that comes after. */
export interface Marks {
  readonly lately: number;
  readonly long: number;
}

export const noMarks: Marks = { lately: 0, long: 0 };

/** The same after one more hour that came so many hours after the last one. */
export function judged(marks: Marks, precision: number, hoursLater: number): Marks {
  const after = (memory: keyof Marks): number => {
    const left = 0.5 ** (hoursLater / halfLives[memory]);
    return marks[memory] * left + precision * (1 - left);
  };
  return { lately: after('lately'), long: after('long') };
}

/** The share that such sums stand for, when so many hours have passed since before the first of them. */
export function scoreOf(marks: Marks, hours: number): number {
  const mean = (memory: keyof Marks): number => marks[memory] / (1 - 0.5 ** (hours / halfLives[memory]));
  return (mean('lately') + mean('long')) / 2;
}

export interface Chosen {
  readonly name: string;
  /** How far its score is above the best other's. */
  readonly margin: number;
}

/**
 * Who makes the forecasts: whoever was chosen before, at first the one named `before`, until another leads by more than may be chance. So the
 * choice does not go to and fro between equals. Undefined while too little has been judged.
 */
export function choose(standings: readonly Standing[], before: string): Chosen | undefined {
  const known = standings.filter(({ hours }) => hours >= leastHours);
  const best = bestOf(known);
  if (best === undefined) return undefined;
  const holder = known.find(({ name }) => name === before);
  const needed = chance / Math.sqrt(Math.min(best.hours, mostHours));
  const chosen = holder === undefined || best.score - holder.score > needed ? best : holder;
  const other = bestOf(known.filter(({ name }) => name !== chosen.name));
  return { name: chosen.name, margin: chosen.score - (other?.score ?? 0) };
}

/** The best of some, the first of equals. */
const bestOf = (standings: readonly Standing[]): Standing | undefined =>
  standings.reduce<Standing | undefined>(
    (best, each) => (best === undefined || each.score > best.score ? each : best),
    undefined,
  );

/** How much of what can be foreseen a forecast foresees, from 0 to 1; undefined while that is not known. */
export function confidenceOf(standings: readonly Standing[], by: string): number | undefined {
  const standing = standings.find(({ name }) => name === by);
  return standing === undefined || standing.hours < leastToTell ? undefined : standing.score;
}

/** As many keys as an hour is judged by: half of those that were read in it. */
export const judgedBy = (read: number): number => Math.max(1, Math.round(read / 2));
