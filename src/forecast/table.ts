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
/** A bound is this much higher than what was computed, because arithmetic rounds. */
const bit = 1 + 1e-9;
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
  /** What all memories hold of one key stands together: whoever asks for a key asks for all of it. */
  const values = new Float64Array(size * memories);
  /** What one access now adds to each memory: grows where the values would have to decay. */
  const growth = new Float64Array(memories).fill(1);
  const profiles = createProfiles(size);
  const first = new Float64Array(size);
  const latest = new Float64Array(size);
  const latestCount = new Int32Array(size);
  const total = new Int32Array(size);
  const slots: { slot: Slot; hours: number[] }[] = [];
  /** How hot a key was when it was looked at last, grown like the longest memory: it is no hotter until it is read again. */
  const hottestOnce = new Float64Array(size);
  const foundKeys = new Int32Array(size);
  const foundHeats = new Float64Array(size);
  /** The heat of the last key that was wanted, when the hottest were asked for last. */
  let lastBorder = 0;
  let last: number | undefined;

  const age = (hours: number): void => {
    for (let i = 0; i < memories; i++) {
      growth[i]! /= leftOf(hours, halfLifeHours[i]!);
      const grown = growth[i]!;
      if (grown < mostGrowth) continue;
      for (let at = i; at < values.length; at += memories) values[at]! /= grown;
      if (i === ofProfile) profiles.shrink(grown);
      if (i === longest) for (let key = 0; key < size; key++) hottestOnce[key]! /= grown;
      growth[i] = 1;
    }
  };

  const heatOf = (key: number): number => {
    let heat = 0;
    for (let i = 0, at = key * memories; i < memories; i++, at++) {
      const own = values[at]! / (growth[i]! * (weights[i]! + unseenHours));
      if (own > heat) heat = own;
    }
    return heat;
  };
  /** Keys at least so hot, and how hot they are. No memory fades more slowly than the longest, so most keys need not be looked at closely. */
  const atLeast = (border: number): number => {
    const bound = border * growth[longest]!;
    let found = 0;
    for (let key = 0; key < size; key++) {
      if (hottestOnce[key]! === 0 || hottestOnce[key]! < bound) continue;
      const heat = heatOf(key);
      hottestOnce[key] = heat * growth[longest]! * bit;
      if (heat < border) continue;
      foundKeys[found] = key;
      foundHeats[found++] = heat;
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
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i]!;
        const count = counts[key]!;
        for (let memory = 0, of = key * memories; memory < memories; memory++, of++)
          values[of]! += count * growth[memory]!;
        const before = total[key]!;
        if (before === 0) first[key] = at;
        // Most keys are never seen twice: they need no profile.
        else if (!profiles.has(key)) {
          const seen = before * leftOf(at - first[key]!, profileHours);
          profiles.add(key, Math.floor(first[key]!) % dayHours, seen * growth[ofProfile]!);
        }
        if (before > 0 || count >= leastForHours) profiles.add(key, hour, count * growth[ofProfile]!);
        total[key] = before + count;
        latest[key] = at;
        latestCount[key] = count;
        hottestOnce[key] = heatOf(key) * growth[longest]! * bit;
      }
    },
    hottest(most) {
      for (let border = lastBorder / 2; ; border /= 16) {
        const found = atLeast(border > tiny ? border : 0);
        if (border > tiny && found < most) continue;
        const best = topOf(foundHeats.subarray(0, found), most);
        lastBorder = best.length < most ? 0 : foundHeats[best.at(-1)!]!;
        return best.map((position) => foundKeys[position]!);
      }
    },
    candidate(key, at, echoes) {
      slots[at] ??= { slot: emptySlot(), hours: new Array<number>(dayHours).fill(0.5) };
      const { slot, hours } = slots[at];
      slot.key = names[key]!;
      for (let i = 0, of = key * memories; i < memories; i++, of++)
        slot.rates[halfLifeHours[i]!] = values[of]! / (growth[i]! * weights[i]!);
      slot.knownHours = Math.max(1, (last ?? 0) - first[key]! + 1);
      slot.lastBucket = Math.floor(latest[key]!);
      slot.accesses = total[key]!;
      const grown = growth[ofProfile]!;
      const hasHours =
        values[key * memories + ofProfile]! >= leastForHours * grown && profiles.read(key, grown, hours);
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

const memories = halfLifeHours.length;
const longest = memories - 1;
const ofProfile = halfLifeHours.indexOf(profileHours);
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
