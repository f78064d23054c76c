import { hash32 } from '../key.ts';

/** Entries of a cache are spread over this many slots of a Redis Cluster, each with its leases. */
export const partitions = 16;

export const partitionOf = (key: string): number => hash32(key) % partitions;

/** What things of one partition are called in Redis; they share a slot. */
export interface Slot {
  /** What stands before a key in the name of its entry. */
  readonly entry: string;
  /** How many bytes that is. */
  readonly entryLength: number;
  /** The hash that holds the leases: by entry, the token and when it ends. */
  readonly leases: string;
  /** Where it is kept since when entries count. */
  readonly epoch: string;
}

export interface Names {
  slot(cache: string, partition: number): Slot;
  entry(cache: string, key: string): string;
  /** Where the epoch is that all keys of one command have in common; on a Cluster those of a partition. */
  epoch(cache: string, key: string, isApart: boolean): string;
}

export function createNames(prefix: string): Names {
  const slots = new Map<string, readonly Slot[]>();
  // A process asks for the same cache over and over.
  let last = { cache: '', all: [] as readonly Slot[] };
  const slot = (cache: string, partition: number): Slot => {
    if (cache === last.cache && last.all.length > 0) return last.all[partition]!;
    let all = slots.get(cache);
    if (all === undefined) {
      all = Array.from({ length: partitions }, (_, p) => {
        const both = `${prefix}:{${cache}#${p}}:`;
        const entry = `${both}e:`;
        return { entry, entryLength: Buffer.byteLength(entry), leases: `${both}l`, epoch: `${both}x` };
      });
      slots.set(cache, all);
    }
    last = { cache, all };
    return all[partition]!;
  };
  return {
    slot,
    entry: (cache, key) => slot(cache, partitionOf(key)).entry + key,
    epoch: (cache, key, isApart) => slot(cache, isApart ? partitionOf(key) : 0).epoch,
  };
}
