import { hash32 } from '../key.ts';

/** Entries and leases of a cache are spread over this many slots of a Redis Cluster. */
export const partitions = 16;

export const partitionOf = (key: string): number => hash32(key) % partitions;

/** What entries and leases are called in Redis; those of one key share a slot. */
export interface Names {
  entry(cache: string, key: string): string;
  lease(cache: string, key: string): string;
  /** Appends both. */
  push(to: unknown[], cache: string, key: string): void;
}

export function createNames(prefix: string): Names {
  const slots = new Map<string, readonly string[]>();
  const slot = (cache: string, key: string): string => {
    let all = slots.get(cache);
    if (all === undefined) {
      all = Array.from({ length: partitions }, (_, p) => `${prefix}:{${cache}#${p}}:`);
      slots.set(cache, all);
    }
    return all[partitionOf(key)]!;
  };
  return {
    entry: (cache, key) => `${slot(cache, key)}e:${key}`,
    lease: (cache, key) => `${slot(cache, key)}l:${key}`,
    push(to, cache, key) {
      const both = slot(cache, key);
      to.push(`${both}e:${key}`, `${both}l:${key}`);
    },
  };
}
