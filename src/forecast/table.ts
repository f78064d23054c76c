import { type Candidate, type HalfLifeHours, halfLifeHours } from '../rooms.ts';
import { leftOf, profileHours, weightOf } from './fold.ts';
import { topOf } from './top.ts';

const dayHours = 24;
/** Hours of day are kept apart once a key has this many accesses in the memory of its profile, as in Postgres. */
const leastForHours = 8;
/** So many unseen hours keep a single access from passing for a high rate, as in Postgres. */
const unseenHours = 12;
/** The profile is kept grown instead of decayed; beyond this it is brought back. */
const mostGrowth = 1e12;

/** The state of every key of one cache in memory: what Postgres keeps in `key_state`, for a back-test. */
export interface KeyTable {
  /** The last hour with reads; undefined before the first. */
  readonly lastBucket: number | undefined;
  /** Reads of each key in the last hour with reads. */
  previous(key: number): number;
  /** Adds an hour that is over: the keys read in it and how often. Hours come in order. */
  add(bucket: number, keys: readonly number[], counts: Int32Array): void;
  /** Keys that might be hot by any memory, at most `most`. */
  hottest(most: number): number[];
  candidate(key: number): Candidate;
}

export function createTable(names: readonly string[]): KeyTable {
  const size = names.length;
  const sums = new Map<HalfLifeHours, Float64Array>(
    halfLifeHours.map((hours) => [hours, new Float64Array(size)]),
  );
  const profile = new Float32Array(size * dayHours);
  const first = new Int32Array(size).fill(-1);
  const last = new Int32Array(size).fill(-1);
  const total = new Int32Array(size);
  let before: { keys: readonly number[]; counts: Map<number, number> } = { keys: [], counts: new Map() };
  let growth = 1;
  let lastBucket: number | undefined;

  const age = (hours: number): void => {
    for (const [halfLife, values] of sums) {
      const left = leftOf(hours, halfLife);
      for (let key = 0; key < size; key++) values[key]! *= left;
    }
    growth /= leftOf(hours, profileHours);
    if (growth < mostGrowth) return;
    for (let i = 0; i < profile.length; i++) profile[i]! /= growth;
    growth = 1;
  };

  const memories = Array.from(sums, ([halfLife, values]) => ({
    values,
    weight: 1 / (weightOf(halfLife) + unseenHours),
  }));
  const heatOf = (key: number): number => {
    let most = 0;
    for (const { values, weight } of memories) most = Math.max(most, values[key]! * weight);
    return most;
  };

  return {
    get lastBucket() {
      return lastBucket;
    },
    previous: (key) => before.counts.get(key) ?? 0,
    add(bucket, keys, counts) {
      if (lastBucket !== undefined) age(bucket - lastBucket);
      lastBucket = bucket;
      const hour = bucket % dayHours;
      const read = new Map<number, number>();
      for (const key of keys) {
        const count = counts[key]!;
        for (const values of sums.values()) values[key]! += count;
        profile[key * dayHours + hour]! += count * growth;
        if (first[key] === -1) first[key] = bucket;
        last[key] = bucket;
        total[key]! += count;
        read.set(key, count);
      }
      before = { keys, counts: read };
    },
    hottest(most) {
      const heats = new Float64Array(size);
      for (let key = 0; key < size; key++) if (total[key]! > 0) heats[key] = heatOf(key);
      return topOf(heats, most);
    },
    candidate(key) {
      const rates = Object.fromEntries(
        halfLifeHours.map((hours) => [hours, sums.get(hours)![key]! / weightOf(hours)]),
      ) as Record<HalfLifeHours, number>;
      const hasHours = sums.get(profileHours)![key]! >= leastForHours;
      const hours = hasHours
        ? Array.from(profile.subarray(key * dayHours, (key + 1) * dayHours), (count) => count / growth)
        : undefined;
      return {
        key: names[key]!,
        rates,
        knownHours: Math.max(1, (lastBucket ?? 0) - first[key]! + 1),
        lastBucket: last[key]!,
        accesses: total[key]!,
        ...(hours === undefined ? {} : { hours }),
      };
    },
  };
}
