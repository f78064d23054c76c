import type { Echo } from '../rooms.ts';

const dayHours = 24;
const weekHours = 168;
/** Weeks that are looked back. */
export const echoWeeks = 4;

/** An hour of the past, how much of it counts, and for which part of an echo: `last`, `yesterday`, then the weeks. */
export interface Source {
  readonly bucket: number;
  readonly weight: number;
  readonly part: number;
}

/** Where the echo of an hour comes from; half of the hour itself, a quarter of each beside it. */
export function sourcesOf(bucket: number, last: number): Source[] {
  const like = [
    bucket - dayHours,
    ...Array.from({ length: echoWeeks }, (_, w) => bucket - (w + 1) * weekHours),
  ];
  return [
    { bucket: last, weight: 1, part: 0 },
    ...like.flatMap((middle, i) =>
      [-1, 0, 1].map((off) => ({ bucket: middle + off, weight: off === 0 ? 0.5 : 0.25, part: i + 1 })),
    ),
  ];
}

/** The hours of the last weeks, for a back-test: what Postgres keeps in buckets and daily roll-ups. */
export interface Echoes {
  /** Adds an hour, or a part of one, that is over. */
  add(bucket: number, keys: Int32Array, counts: Int32Array): void;
  /** Looks an hour up; what `of` answers afterwards is about it. */
  look(bucket: number): void;
  /** The echo of a key, `last` apart; written into `into`. */
  of(key: number, into: MutableEcho): void;
}

export interface MutableEcho extends Echo {
  last: number;
  yesterday: number;
  weeks: number[];
}

interface Part {
  readonly keys: Int32Array;
  readonly counts: Int32Array;
}

export function createEchoes(size: number): Echoes {
  const hours = new Map<number, Part[]>();
  const parts = Array.from({ length: echoWeeks + 1 }, () => new Float32Array(size));
  let filled: { part: Float32Array; keys: Int32Array }[] = [];
  return {
    add(bucket, keys, counts) {
      const own = new Int32Array(keys.length);
      for (let i = 0; i < keys.length; i++) own[i] = counts[keys[i]!]!;
      const known = hours.get(bucket);
      if (known === undefined) hours.set(bucket, [{ keys: keys.slice(), counts: own }]);
      else known.push({ keys: keys.slice(), counts: own });
      for (const old of hours.keys()) {
        if (old >= bucket - echoWeeks * weekHours - 1) break;
        hours.delete(old);
      }
    },
    look(bucket) {
      for (const { part, keys } of filled) for (let i = 0; i < keys.length; i++) part[keys[i]!] = 0;
      filled = [];
      for (const { bucket: from, weight, part: index } of sourcesOf(bucket, bucket)) {
        if (index === 0) continue;
        const part = parts[index - 1]!;
        for (const { keys, counts } of hours.get(from) ?? []) {
          filled.push({ part, keys });
          for (let i = 0; i < keys.length; i++) part[keys[i]!]! += counts[i]! * weight;
        }
      }
    },
    of(key, into) {
      into.yesterday = parts[0]![key]!;
      for (let week = 0; week < echoWeeks; week++) into.weeks[week] = parts[week + 1]![key]!;
    },
  };
}
