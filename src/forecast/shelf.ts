/** A cache in numbers: entries end after one ttl, and beyond its capacity the one that was used longest ago makes room. */
export interface Shelf {
  /** Entries that are fresh, after those that have ended by then were dropped. */
  live(now: number): number;
  isFresh(key: number, now: number): boolean;
  /** Uses an entry that is fresh. */
  touch(key: number): void;
  /** Loads an entry that is not. */
  put(key: number, now: number): void;
  readonly evicted: number;
}

const none = -1;

export interface ShelfOptions {
  /** How many keys there are: they are numbered from 0. */
  readonly keys: number;
  readonly ttlSeconds: number;
  /** Entries that fit; Infinity where memory is no limit. */
  readonly capacity: number;
}

export function createShelf({ keys, ttlSeconds, capacity }: ShelfOptions): Shelf {
  const endsAt = new Float64Array(keys).fill(Number.NEGATIVE_INFINITY);
  if (capacity === Number.POSITIVE_INFINITY)
    return {
      evicted: 0,
      live: () => 0,
      isFresh: (key, now) => endsAt[key]! > now,
      touch() {},
      put(key, now) {
        endsAt[key] = now + ttlSeconds;
      },
    };

  // Entries in the order of their last use, the newest after the anchor; the anchor is no entry.
  const anchor = keys;
  const newer = new Int32Array(keys + 1).fill(none);
  const older = new Int32Array(keys + 1).fill(none);
  newer[anchor] = anchor;
  older[anchor] = anchor;
  // All live equally long, so they end in the order in which they were loaded.
  let loaded = new Int32Array(1_024);
  let loadedAt = new Float64Array(1_024);
  let [head, tail, size, evicted] = [0, 0, 0, 0];

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
    endsAt[key] = Number.NEGATIVE_INFINITY;
    size -= 1;
  };
  const dropEnded = (now: number): void => {
    for (; head < tail && loadedAt[head]! + ttlSeconds <= now; head++) {
      const key = loaded[head]!;
      if (endsAt[key] === loadedAt[head]! + ttlSeconds) drop(key);
    }
  };
  const note = (key: number, now: number): void => {
    if (tail === loaded.length) {
      const [moreKeys, moreAt] = roomFor(tail - head);
      moreKeys.set(loaded.subarray(head, tail));
      moreAt.set(loadedAt.subarray(head, tail));
      [loaded, loadedAt, tail, head] = [moreKeys, moreAt, tail - head, 0];
    }
    loaded[tail] = key;
    loadedAt[tail] = now;
    tail += 1;
  };

  return {
    get evicted() {
      return evicted;
    },
    live(now) {
      dropEnded(now);
      return size;
    },
    isFresh: (key, now) => endsAt[key]! > now,
    touch(key) {
      unlink(key);
      link(key);
    },
    put(key, now) {
      dropEnded(now);
      if (endsAt[key] !== Number.NEGATIVE_INFINITY) drop(key);
      if (size >= capacity) {
        drop(newer[anchor]!);
        evicted += 1;
      }
      link(key);
      endsAt[key] = now + ttlSeconds;
      size += 1;
      note(key, now);
    },
  };
}

const roomFor = (used: number): [Int32Array<ArrayBuffer>, Float64Array<ArrayBuffer>] => [
  new Int32Array(Math.max(1_024, 2 * used)),
  new Float64Array(Math.max(1_024, 2 * used)),
];
