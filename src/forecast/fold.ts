import { hourMs, minuteMs } from '../duration.ts';
import { type HalfLifeHours, halfLifeHours } from '../rooms.ts';

/** A closed hour is left open this long for counts that are still on their way. */
const graceMs = minuteMs;

/** The last hour whose counts can be taken as complete at an instant. */
export const closedBucket = (now: number): number => Math.floor((now - graceMs) / hourMs) - 1;

/** Decay per hour at each half-life, as SQL and arithmetic share it. */
const decayPerHour = Object.fromEntries(halfLifeHours.map((hours) => [hours, Math.LN2 / hours])) as Record<
  HalfLifeHours,
  number
>;

/** The memory in which accesses are kept apart by hour of day. */
export const profileHours = 72;

/** Decay ends here, at nothing that matters: Postgres calls an underflow of exp() an error. */
const most = 60;

/** What is left of one access after `age` hours. */
export const leftOf = (age: number, halfLife: HalfLifeHours): number =>
  Math.exp(-Math.min(most, Math.max(0, age) * decayPerHour[halfLife]));

/** The same as SQL, of an SQL expression for the age. In float8 throughout: numeric is some twenty times slower. */
export const leftSql = (age: string, halfLife: HalfLifeHours): string =>
  `exp(greatest(${-most}, least(0, (${age}) * ${-decayPerHour[halfLife]}::float8)))`;

/** The same over all time: a back-test asks millions of times. */
const weights = Object.fromEntries(
  halfLifeHours.map((hours) => [hours, 1 / (1 - Math.exp(-decayPerHour[hours]))]),
) as Record<HalfLifeHours, number>;

/** What one access in every one of the last `hours` hours adds up to: turns a decayed sum into accesses per hour. */
export function weightOf(halfLife: HalfLifeHours, hours = Number.POSITIVE_INFINITY): number {
  return (1 - Math.exp(-hours * decayPerHour[halfLife])) * weights[halfLife];
}
