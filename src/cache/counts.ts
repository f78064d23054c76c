import type { CacheStats } from '../facade.ts';
import type { Memory } from './memory.ts';

/** Plain counters of one cache in this process. */
export interface Counts {
  hits: number;
  stale: number;
  negatives: number;
  misses: number;
  loads: number;
  loadErrors: number;
  refreshes: number;
  readonly refused: Record<string, number>;
}

export const newCounts = (): Counts => ({
  hits: 0,
  stale: 0,
  negatives: 0,
  misses: 0,
  loads: 0,
  loadErrors: 0,
  refreshes: 0,
  refused: {},
});

export function statsOf(counts: Counts, memory: Memory | undefined): CacheStats {
  const { hits, stale, negatives, misses } = counts;
  const redis = { hits, stale, negatives, misses };
  const kept = memory && { hits: memory.hits, ...memory.size };
  return {
    ...counts,
    hits: hits + (kept?.hits ?? 0),
    refused: { ...counts.refused },
    tiers: kept ? { memory: kept, redis } : { redis },
  };
}
