import { addTo, copyOf, createLine, type Line } from './line.ts';

/** A cache in numbers: entries end after one ttl, and beyond its capacity the one that was used longest ago makes room. */
export interface Shelf {
  /** Entries that are fresh, after those that have ended by then were dropped; 0 where memory is no limit. */
  live(now: number): number;
  isFresh(key: number, now: number): boolean;
  /** Uses an entry that is fresh. */
  touch(key: number): void;
  /** Loads an entry that is not. */
  put(key: number, now: number): void;
  /** Reads keys one after the other, each at its time, and loads those that are not fresh; answers with how many those were. */
  readAll(keys: Int32Array, seconds: Float64Array, from: number, to: number): number;
  /** Another one in the same state. */
  copy(): Shelf;
}

export interface ShelfOptions {
  /** How many keys there are: they are numbered from 0. */
  readonly keys: number;
  readonly ttlSeconds: number;
  /** Entries that fit; Infinity where memory is no limit. */
  readonly capacity: number;
}

export const createShelf = ({ keys, ttlSeconds, capacity }: ShelfOptions): Shelf =>
  capacity === Number.POSITIVE_INFINITY
    ? unbounded(new Float64Array(keys), ttlSeconds)
    : bounded(emptyState(keys), ttlSeconds, capacity);

function unbounded(endsAt: Float64Array, ttlSeconds: number): Shelf {
  return {
    live: () => 0,
    isFresh: (key, now) => endsAt[key]! > now,
    touch() {},
    put(key, now) {
      endsAt[key] = now + ttlSeconds;
    },
    readAll(keys, seconds, from, to) {
      let misses = 0;
      for (let i = from; i < to; i++) {
        const key = keys[i]!;
        const now = seconds[i]!;
        if (endsAt[key]! > now) continue;
        endsAt[key] = now + ttlSeconds;
        misses += 1;
      }
      return misses;
    },
    copy: () => unbounded(endsAt.slice(), ttlSeconds),
  };
}

interface State {
  readonly endsAt: Float64Array;
  /** Entries in the order of their last use, the newest before the anchor; the anchor, after all keys, is no entry. */
  readonly newer: Int32Array;
  readonly older: Int32Array;
  /** All live equally long, so they end in the order in which they were loaded. */
  readonly loaded: Line;
  size: number;
}

function emptyState(keys: number): State {
  const state = {
    endsAt: new Float64Array(keys),
    newer: new Int32Array(keys + 1),
    older: new Int32Array(keys + 1),
    loaded: createLine(),
    size: 0,
  };
  state.newer[keys] = keys;
  state.older[keys] = keys;
  return state;
}

function bounded(state: State, ttlSeconds: number, capacity: number): Shelf {
  const { endsAt, newer, older, loaded } = state;
  const anchor = endsAt.length;
  /** When the first of those that were loaded ends: looked at for every read. */
  let endsFirst =
    loaded.head === loaded.tail ? Number.POSITIVE_INFINITY : loaded.times[loaded.head]! + ttlSeconds;

  const unlink = (key: number): void => {
    newer[older[key]!] = newer[key]!;
    older[newer[key]!] = older[key]!;
  };
  const link = (key: number): void => {
    const newest = older[anchor]!;
    older[key] = newest;
    newer[key] = anchor;
    newer[newest] = key;
    older[anchor] = key;
  };
  const drop = (key: number): void => {
    unlink(key);
    endsAt[key] = 0;
    state.size -= 1;
  };
  const dropEnded = (now: number): void => {
    const { keys, times, tail } = loaded;
    let { head } = loaded;
    for (; head < tail && times[head]! + ttlSeconds <= now; head++) {
      const key = keys[head]!;
      if (endsAt[key] === times[head]! + ttlSeconds) drop(key);
    }
    loaded.head = head;
    endsFirst = head === tail ? Number.POSITIVE_INFINITY : times[head]! + ttlSeconds;
  };

  const touch = (key: number): void => {
    if (newer[key] === anchor) return;
    unlink(key);
    link(key);
  };
  const put = (key: number, now: number): void => {
    if (endsFirst <= now) dropEnded(now);
    if (endsAt[key] !== 0) drop(key);
    if (state.size >= capacity) drop(newer[anchor]!);
    link(key);
    endsAt[key] = now + ttlSeconds;
    state.size += 1;
    addTo(loaded, key, now);
    if (endsFirst === Number.POSITIVE_INFINITY) endsFirst = now + ttlSeconds;
  };

  return {
    live(now) {
      dropEnded(now);
      return state.size;
    },
    isFresh: (key, now) => endsAt[key]! > now,
    touch,
    put,
    readAll(keys, seconds, from, to) {
      let misses = 0;
      for (let i = from; i < to; i++) {
        const key = keys[i]!;
        const now = seconds[i]!;
        if (endsAt[key]! > now) {
          touch(key);
          continue;
        }
        put(key, now);
        misses += 1;
      }
      return misses;
    },
    copy: () =>
      bounded(
        {
          endsAt: endsAt.slice(),
          newer: newer.slice(),
          older: older.slice(),
          loaded: copyOf(loaded),
          size: state.size,
        },
        ttlSeconds,
        capacity,
      ),
  };
}
