import type { Traffic } from './traffic.ts';

/** A stretch of traffic: its reads are those from number `from` to before `to`. */
export interface Window {
  /** Its beginning, in epoch seconds. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** Windows of a length with at least one read, of some of the reads. */
export function windowsOf({ seconds }: Traffic, length: number, from = 0, to = seconds.length): Window[] {
  const windows: Window[] = [];
  for (let start = from; start < to; ) {
    const at = Math.floor(seconds[start]! / length) * length;
    let end = start;
    while (end < to && seconds[end]! < at + length) end += 1;
    windows.push({ at, from: start, to: end });
    start = end;
  }
  return windows;
}

/** The different keys of a window, in the order of their numbers, and how often each was read; good until the next is asked for. */
export interface Census {
  keys: Int32Array;
  readonly counts: Int32Array;
}

export function createCensus({ keys, names }: Traffic): (window: Window) => Census {
  const counts = new Int32Array(names.length);
  const census: Census = { keys: new Int32Array(0), counts };
  return ({ from, to }) => {
    for (let i = 0; i < census.keys.length; i++) counts[census.keys[i]!] = 0;
    let found = 0;
    for (let at = from; at < to; at++) if (counts[keys[at]!]!++ === 0) found += 1;
    const read = new Int32Array(found);
    for (let at = from; at < to && found > 0; at++) {
      const key = keys[at]!;
      if (counts[key]! < 0) continue;
      read[--found] = key;
      counts[key] = -counts[key]!;
    }
    for (let i = 0; i < read.length; i++) counts[read[i]!] = -counts[read[i]!]!;
    census.keys = read.sort();
    return census;
  };
}
