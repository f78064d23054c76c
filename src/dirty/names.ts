import { hash32 } from '../key.ts';

/** What things of one partition are called in Redis. On a Cluster the braces keep them in one slot. */
export interface PartitionNames {
  readonly entries: string;
  readonly index: string;
  /** Elsewhere than on a Cluster these are the cache's: a batch of writes reads and writes them once. */
  readonly state: string;
  readonly watches: string;
  /** Of writes: those whose names were given. */
  readonly operations: string;
  readonly additions: string;
  readonly dead: string;
  readonly lease: string;
}

export interface DirtyNames {
  readonly partitions: number;
  readonly meta: string;
  /** What the calls of a maker of operations were answered. */
  calls(maker: string): string;
  of(cache: string, partition: number): PartitionNames;
  partitionOf(key: string): number;
}

export function createDirtyNames(prefix: string, partitions: number, isApart: boolean): DirtyNames {
  const made = new Map<string, readonly PartitionNames[]>();
  return {
    partitions,
    meta: `${prefix}:wb`,
    calls: (maker) => `${prefix}:wb:calls:${maker}`,
    of(cache, partition) {
      let all = made.get(cache);
      if (all === undefined) {
        all = Array.from({ length: partitions }, (_, p) => {
          const at = `${prefix}:{wb:${cache}#${p}}:`;
          const common = isApart ? at : `${prefix}:{wb:${cache}}:`;
          return {
            entries: `${at}d`,
            index: `${at}z`,
            state: `${common}c`,
            watches: `${common}w`,
            operations: `${common}n`,
            additions: `${at}o`,
            dead: `${at}x`,
            lease: `${at}l`,
          };
        });
        made.set(cache, all);
      }
      return all[partition]!;
    },
    partitionOf: (key) => hash32(key) % partitions,
  };
}
