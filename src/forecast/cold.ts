import type { Traffic } from './traffic.ts';
import type { Window } from './windows.ts';

/** What one rule would have spared over all windows at one size of plan, the cache emptied before each. */
export interface Sum {
  /** Misses spared, and keys loaded for it. */
  spared: number;
  loads: number;
  /** Misses spared in the first minutes. */
  early: number;
}

/** A sum for each size of plan. */
export interface Sums {
  readonly bySize: readonly Sum[];
  /** Misses spared at each size, window by window. */
  readonly series: readonly number[][];
}

/** Reads and misses of a cache that nobody warms. */
export interface Base {
  reads: number;
  misses: number;
  earlyReads: number;
  earlyMisses: number;
  readonly series: { readonly at: number[]; readonly reads: number[]; readonly misses: number[] };
}

/** Adds up what orders of keys, best first, spare in one window after the other. */
export function createSums(
  { names, keys, seconds }: Traffic,
  { sizes, earlySeconds }: { readonly sizes: readonly number[]; readonly earlySeconds: number },
) {
  /** The look in which a key was read, and read in the first minutes. */
  const readIn = new Int32Array(names.length);
  const earlyIn = new Int32Array(names.length);
  let look = 0;
  let [earlyReads, earlyMisses] = [0, 0];
  const ascending = sizes.map((size, i) => ({ size, i })).sort((a, b) => a.size - b.size);
  const rules = new Map<string, Sums>();
  const base: Base = {
    reads: 0,
    misses: 0,
    earlyReads: 0,
    earlyMisses: 0,
    series: { at: [], reads: [], misses: [] },
  };

  return {
    base,
    rules,
    /** The window that is spoken of from here on. */
    look({ at: start, from, to }: Window): void {
      look += 1;
      [earlyReads, earlyMisses] = [0, 0];
      for (let at = from; at < to; at++) {
        const key = keys[at]!;
        readIn[key] = look;
        if (seconds[at]! >= start + earlySeconds) continue;
        earlyReads += 1;
        if (earlyIn[key] !== look) earlyMisses += 1;
        earlyIn[key] = look;
      }
    },
    /** How many of the first keys of an order were read. */
    readOf(order: Int32Array, most: number): number {
      let found = 0;
      for (let i = 0; i < order.length && i < most; i++) if (readIn[order[i]!] === look) found += 1;
      return found;
    },
    add(rule: string, order: Int32Array): void {
      let sums = rules.get(rule);
      if (sums === undefined) {
        sums = {
          bySize: sizes.map(() => ({ spared: 0, loads: 0, early: 0 })),
          series: sizes.map(() => []),
        };
        rules.set(rule, sums);
      }
      let [spared, early, upto] = [0, 0, 0];
      for (const { size, i } of ascending) {
        for (; upto < size && upto < order.length; upto++) {
          const key = order[upto]!;
          if (readIn[key] === look) spared += 1;
          if (earlyIn[key] === look) early += 1;
        }
        const sum = sums.bySize[i]!;
        sum.spared += spared;
        sum.early += early;
        sum.loads += upto;
        sums.series[i]!.push(spared);
      }
    },
    addBase({ at, from, to }: Window, misses: number): void {
      base.reads += to - from;
      base.misses += misses;
      base.earlyReads += earlyReads;
      base.earlyMisses += earlyMisses;
      base.series.at.push(at);
      base.series.reads.push(to - from);
      base.series.misses.push(misses);
    },
  };
}
