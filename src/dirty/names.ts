import { hash32 } from '../key.ts';

/** What things of one partition are called in Redis; the braces keep them in one slot of a Cluster. */
export interface PartitionNames {
  readonly entries: string;
  readonly index: string;
  readonly state: string;
  readonly watches: string;
  readonly operations: string;
  readonly dead: string;
  readonly lease: string;
}

export interface DirtyNames {
  readonly meta: string;
  of(cache: string, partition: number): PartitionNames;
  partitionOf(key: string): number;
}

export function createDirtyNames(prefix: string, partitions: number): DirtyNames {
  const made = new Map<string, readonly PartitionNames[]>();
  return {
    meta: `${prefix}:wb`,
    of(cache, partition) {
      let all = made.get(cache);
      if (all === undefined) {
        all = Array.from({ length: partitions }, (_, p) => {
          const at = `${prefix}:{wb:${cache}#${p}}:`;
          return {
            entries: `${at}d`,
            index: `${at}z`,
            state: `${at}c`,
            watches: `${at}w`,
            operations: `${at}o`,
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
