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

/** The cache of a row `b` of `samovar.access_bucket`: older builds do not write it down. */
export const bucketCacheSql =
  'coalesce(b.cache_id, (select k.cache_id from samovar.cache_key k where k.id = b.key_id))';

/** The memory in which accesses are kept apart by hour of day. */
export const profileHours = 72;
/** Decayed accesses from which a key's hours of day are kept: below, they are noise that takes room. */
export const leastForHours = 8;
/** Less than this of an hour of day is nothing; left alone it would sink below what a real can hold. */
export const leastOfHour = 1e-6;

/** Decay ends here, at nothing that matters: Postgres calls an underflow of exp() an error. */
const most = 60;

/** Remembered for so many whole hours: a back-test asks millions of times. */
const remembered = 2_048;
const left = Object.fromEntries(
  halfLifeHours.map((hours) => [
    hours,
    Float64Array.from({ length: remembered }, (_, age) =>
      Math.exp(-Math.min(most, age * decayPerHour[hours])),
    ),
  ]),
) as Record<HalfLifeHours, Float64Array>;

/** What is left of one access after `age` hours. */
export function leftOf(age: number, halfLife: HalfLifeHours): number {
  if (age >= 0 && age < remembered && Number.isInteger(age)) return left[halfLife][age]!;
  return Math.exp(-Math.min(most, Math.max(0, age) * decayPerHour[halfLife]));
}

/** The same as SQL, of an SQL expression for the age. In float8 throughout: numeric is some twenty times slower. */
export const leftSql = (age: string, halfLife: HalfLifeHours): string =>
  `exp(greatest(${-most}, least(0, (${age}) * ${-decayPerHour[halfLife]}::float8)))`;

/** Ages in hours that statements look up: looking up what is left takes less than half the time of computing it. */
const looked = 720;
/** What is left after 0, 1, 2 … hours at each half-life, as arguments of a statement that looks them up. */
export const leftTables: readonly string[] = halfLifeHours.map(
  (hours) => `{${left[hours].subarray(0, looked).join(',')}}`,
);
/** `leftSql` in a statement that has `leftTables` among its arguments, from number `first` on; ages are whole hours. */
export const lookedUpSql = (age: string, halfLife: HalfLifeHours, first: number): string =>
  `coalesce(($${first + halfLifeHours.indexOf(halfLife)}::float8[])[${age} + 1], ${leftSql(age, halfLife)})`;

const weights = Object.fromEntries(
  halfLifeHours.map((hours) => [hours, 1 / (1 - Math.exp(-decayPerHour[hours]))]),
) as Record<HalfLifeHours, number>;

/** What one access in every one of the last `hours` hours adds up to: turns a decayed sum into accesses per hour. */
export const weightOf = (halfLife: HalfLifeHours, hours = Number.POSITIVE_INFINITY): number =>
  hours === Number.POSITIVE_INFINITY ? weights[halfLife] : (1 - leftOf(hours, halfLife)) * weights[halfLife];
