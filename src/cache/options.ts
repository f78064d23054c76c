import { defaults } from '../defaults.ts';
import type { AnyCacheDef } from '../define.ts';
import { durationMs, secondMs } from '../duration.ts';

/** What a cache's definition comes to, with the defaults filled in. */
export interface CacheSettings {
  readonly ttlMs: number;
  /** 0 = missing ids are not remembered. */
  readonly negativeMs: number;
  readonly jitter: number;
  readonly batch: number;
  readonly maxValueBytes: number;
  readonly timeoutMs: number;
  readonly isTagged: boolean;
}

const longestNegativeMs = 30 * secondMs;

export function settingsOf(def: AnyCacheDef): CacheSettings {
  const path = `caches.${def.name}`;
  const ttlMs = durationMs(def.ttl, `${path}.ttl`);
  return {
    ttlMs,
    negativeMs:
      def.negativeTtl === undefined
        ? Math.min(ttlMs / 10, longestNegativeMs)
        : durationMs(def.negativeTtl, `${path}.negativeTtl`),
    jitter: def.jitter ?? defaults.cache.jitter,
    batch: def.batch ?? defaults.cache.batch,
    maxValueBytes: def.maxValueBytes ?? defaults.cache.maxValueBytes,
    timeoutMs: durationMs(
      def.origin.timeout ?? defaults.origin.timeoutMs,
      `origins.${def.origin.name}.timeout`,
    ),
    isTagged: def.tags !== undefined,
  };
}
