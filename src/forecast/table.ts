import { type Candidate, type HalfLifeHours, halfLifeHours } from '../rooms.ts';
import type { Echoes, MutableEcho } from './echoes.ts';
import { leftOf, profileHours, weightOf } from './fold.ts';
import { topOf } from './top.ts';

const dayHours = 24;
/** Hours of day are kept apart once a key has this many accesses in the memory of its profile, as in Postgres. */
const leastForHours = 8;
/** So many unseen hours keep a single access from passing for a high rate, as in Postgres. */
const unseenHours = 12;
/** Memories are kept grown instead of decayed; beyond this they are brought back. */
const mostGrowth = 1e12;
const firstProfiles = 1_024;

/** The state of every key of one cache in memory: what Postgres keeps in `key_state`, for a back-test. Times are epoch hours. */
export interface KeyTable {
  /** The last time with reads; undefined before the first. */
  readonly last: number | undefined;
  /** Whether a key was ever read. */
  isKnown(key: number): boolean;
  /** Reads of each key at the last time with reads. */
  previous(key: number): number;
  /** Adds an hour, or a part of one, that is over: the keys read in it and how often. Times come in order. */
  add(at: number, keys: Int32Array, counts: Int32Array): void;
  /** Keys that might be hot by any memory, at most `most`. */
  hottest(most: number): number[];
  /** The `slot`-th candidate of a batch: the object is used again for the next batch. */
  candidate(key: number, slot: number, echoes?: Pick<Echoes, 'of'>): Candidate;
}

interface Memory {
  readonly halfLife: HalfLifeHours;
  readonly values: Float64Array;
  /** What one access now adds: grows where the values would have to decay. */
  growth: number;
}

interface Slot {
  key: string;
  rates: Record<HalfLifeHours, number>;
  knownHours: number;
  lastBucket: number;
  accesses: number;
  hours: number[] | undefined;
  echo: MutableEcho | undefined;
}

export function createTable(names: readonly string[]): KeyTable {
  const size = names.length;
  const memories = halfLifeHours.map(
    (halfLife): Memory => ({ halfLife, values: new Float64Array(size), growth: 1 }),
  );
  const profileMemory = memories.find(({ halfLife }) => halfLife === profileHours)!;
  const profiles = createProfiles(size);
  const first = new Float64Array(size);
  const latest = new Float64Array(size);
  const latestCount = new Int32Array(size);
  const total = new Int32Array(size);
  const slots: { slot: Slot; hours: number[] }[] = [];
  const heats = new Float64Array(size);
  let last: number | undefined;

  const age = (hours: number): void => {
    for (const memory of memories) {
      memory.growth /= leftOf(hours, memory.halfLife);
      if (memory.growth < mostGrowth) continue;
      const { values, growth } = memory;
      for (let key = 0; key < size; key++) values[key]! /= growth;
      if (memory === profileMemory) profiles.shrink(growth);
      memory.growth = 1;
    }
  };

  return {
    get last() {
      return last;
    },
    isKnown: (key) => total[key]! > 0,
    previous: (key) => (latest[key] === last && total[key]! > 0 ? latestCount[key]! : 0),
    add(at, keys, counts) {
      if (last !== undefined) age(at - last);
      last = at;
      const hour = Math.floor(at) % dayHours;
      for (const { values, growth } of memories)
        for (let i = 0; i < keys.length; i++) values[keys[i]!]! += counts[keys[i]!]! * growth;
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!;
        const count = counts[key]!;
        const before = total[key]!;
        if (before === 0) first[key] = at;
        // Most keys are never seen twice: they need no profile.
        else if (!profiles.has(key)) {
          const seen = before * leftOf(at - first[key]!, profileHours);
          profiles.add(key, Math.floor(first[key]!) % dayHours, seen * profileMemory.growth);
        }
        if (before > 0 || count >= leastForHours) profiles.add(key, hour, count * profileMemory.growth);
        total[key] = before + count;
        latest[key] = at;
        latestCount[key] = count;
      }
    },
    hottest(most) {
      heats.fill(0);
      for (const { halfLife, values, growth } of memories) {
        const weight = 1 / (growth * (weightOf(halfLife) + unseenHours));
        for (let key = 0; key < size; key++) {
          const heat = values[key]! * weight;
          if (heat > heats[key]!) heats[key] = heat;
        }
      }
      return topOf(heats, most);
    },
    candidate(key, at, echoes) {
      slots[at] ??= { slot: emptySlot(), hours: new Array<number>(dayHours).fill(0.5) };
      const { slot, hours } = slots[at];
      slot.key = names[key]!;
      for (let i = 0; i < memories.length; i++) {
        const { halfLife, values, growth } = memories[i]!;
        slot.rates[halfLife] = values[key]! / (growth * weights[i]!);
      }
      slot.knownHours = Math.max(1, (last ?? 0) - first[key]! + 1);
      slot.lastBucket = Math.floor(latest[key]!);
      slot.accesses = total[key]!;
      const { values, growth } = profileMemory;
      const hasHours = values[key]! >= leastForHours * growth && profiles.read(key, growth, hours);
      slot.hours = hasHours ? hours : undefined;
      if (echoes !== undefined) {
        slot.echo ??= { last: 0.5, yesterday: 0.5, weeks: [] };
        slot.echo.last = latest[key] === last ? latestCount[key]! : 0;
        echoes.of(key, slot.echo);
      }
      return slot as Candidate;
    },
  };
}

const weights = halfLifeHours.map((halfLife) => weightOf(halfLife));

const emptySlot = (): Slot => ({
  key: '',
  rates: { 1: 0.5, 3: 0.5, 6: 0.5, 24: 0.5, 72: 0.5, 168: 0.5 },
  knownHours: 0.5,
  lastBucket: 0,
  accesses: 0,
  hours: undefined,
  echo: undefined,
});

/** Accesses of some keys by hour of day, in rows that are given out as keys need them. */
function createProfiles(size: number) {
  const rowOf = new Int32Array(size).fill(-1);
  let rows = 0;
  let values = new Float32Array(firstProfiles * dayHours);
  return {
    has: (key: number) => rowOf[key]! >= 0,
    add(key: number, hour: number, count: number): void {
      let row = rowOf[key]!;
      if (row < 0) {
        row = rows++;
        rowOf[key] = row;
        if (rows * dayHours > values.length) {
          const more = new Float32Array(2 * values.length);
          more.set(values);
          values = more;
        }
      }
      values[row * dayHours + hour]! += count;
    },
    shrink(growth: number): void {
      for (let i = 0; i < rows * dayHours; i++) values[i]! /= growth;
    },
    read(key: number, growth: number, into: number[]): boolean {
      const from = rowOf[key]! * dayHours;
      if (from < 0) return false;
      for (let hour = 0; hour < dayHours; hour++) into[hour] = values[from + hour]! / growth;
      return true;
    },
  };
}
