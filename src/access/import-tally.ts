import type { CallerCount } from '../rooms.ts';
import { storableKey } from './message.ts';
import { otherCaller } from './tally.ts';

/** Reads of one key in one hour, as an import stages them. */
export interface StagedCount {
  readonly cache: string;
  readonly key: string;
  readonly bucket: number;
  readonly accesses: number;
  /** Size of the value, when the history told. */
  readonly bytes: number | undefined;
}

type Counter = { accesses: number; bytes: number | undefined };

const mostChars = 16 * 1024 * 1024;

/** Counts in memory until they are many; then they are taken out and go on from nothing. */
export function createTally(mostEntries: number) {
  let caches = new Map<string, Map<number, Map<string, Counter>>>();
  let entries = 0;
  let chars = 0;

  return {
    add(cache: string, key: string, bucket: number, bytes: number | undefined): void {
      const buckets = getOrSet(caches, cache, () => new Map());
      const keys = getOrSet(buckets, bucket, () => new Map<string, Counter>());
      const counter = keys.get(key);
      if (counter !== undefined) {
        counter.accesses += 1;
        counter.bytes = bytes ?? counter.bytes;
        return;
      }
      // A copy: a part of a line would keep the whole piece of the file in memory.
      keys.set(Buffer.from(key).toString(), { accesses: 1, bytes });
      entries += 1;
      chars += key.length;
    },
    isFull: (): boolean => entries >= mostEntries || chars >= mostChars,
    *take(): Generator<StagedCount> {
      const taken = caches;
      this.clear();
      for (const [cache, buckets] of taken)
        for (const [bucket, keys] of buckets)
          for (const [key, counter] of keys) yield { cache, key, bucket, ...counter };
    },
    clear(): void {
      caches = new Map();
      entries = 0;
      chars = 0;
    },
  };
}

/** Reads per caller and hour: few, whatever the size of the file. */
export function createCallerTally(mostCallers: number) {
  let caches = new Map<string, Map<string, Map<number, number>>>();
  return {
    add(cache: string, caller: string, bucket: number): void {
      const callers = getOrSet(caches, cache, () => new Map());
      const told = storableKey(caller)?.slice(0, 64) ?? otherCaller;
      const name = callers.has(told) || callers.size < mostCallers ? told : otherCaller;
      const buckets = getOrSet(callers, name, () => new Map<number, number>());
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
    },
    all: (): CallerCount[] =>
      [...caches].flatMap(([cache, callers]) =>
        [...callers].flatMap(([caller, buckets]) =>
          [...buckets].map(([bucket, accesses]) => ({ cache, caller, bucket, accesses, misses: 0 })),
        ),
      ),
    clear(): void {
      caches = new Map();
    },
  };
}

function getOrSet<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
