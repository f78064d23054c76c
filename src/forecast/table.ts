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
/** Less heat than this is not worth another look for keys that are a little colder. */
const tiny = 1e-9;

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
  const longest = memories.at(-1)!;
  /** How hot a key was when it was read last, grown like the longest memory. */
  const hottestOnce = new Float64Array(size);
  /** The heat of the last key that was wanted, when the hottest were asked for last. */
  let lastBorder = 0;
  let last: number | undefined;

  const age = (hours: number): void => {
    for (const memory of memories) {
      memory.growth /= leftOf(hours, memory.halfLife);
      if (memory.growth < mostGrowth) continue;
      const { values, growth } = memory;
      for (let key = 0; key < size; key++) values[key]! /= growth;
      if (memory === profileMemory) profiles.shrink(growth);
      if (memory === longest) for (let key = 0; key < size; key++) hottestOnce[key]! /= growth;
      memory.growth = 1;
    }
  };

  const heatOf = (key: number): number => {
    let heat = 0;
    for (let i = 0; i < memories.length; i++) {
      const { values, growth } = memories[i]!;
      const own = values[key]! / (growth * (weights[i]! + unseenHours));
      if (own > heat) heat = own;
    }
    return heat;
  };
  /** Keys at least so hot, and how hot they are. No memory fades more slowly than the longest, so most keys need not be looked at closely. */
  const atLeast = (border: number): { keys: number[]; heats: number[] } => {
    const bound = border * longest.growth;
    const found: { keys: number[]; heats: number[] } = { keys: [], heats: [] };
    for (let key = 0; key < size; key++) {
      if (hottestOnce[key]! === 0 || hottestOnce[key]! < bound) continue;
      const heat = heatOf(key);
      if (heat < border) continue;
      found.keys.push(key);
      found.heats.push(heat);
    }
    return found;
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
        // A little more, because it is a bound and arithmetic rounds.
        hottestOnce[key] = heatOf(key) * longest.growth * (1 + 1e-9);
      }
    },
    hottest(most) {
      for (let border = lastBorder / 2; ; border /= 16) {
        const found = atLeast(border > tiny ? border : 0);
        if (border > tiny && found.heats.length < most) continue;
        const best = topOf(Float64Array.from(found.heats), most);
        lastBorder = best.length < most ? 0 : found.heats[best.at(-1)!]!;
        return best.map((position) => found.keys[position]!);
      }
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
