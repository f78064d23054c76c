import { defaults } from '../defaults.ts';
import type { AnyCacheDef } from '../define.ts';
import { durationMs, secondMs } from '../duration.ts';
import { holdOffMsOf } from '../hold-off.ts';
import type { TtlPolicy } from '../lifetime.ts';
import { type RefreshAhead, refreshAheadOf } from '../refresh-ahead.ts';
import type { CodecChoice } from '../store/codec.ts';
import { policyOf } from '../ttl/ttl.ts';

/** What a cache's definition comes to, with the defaults filled in. */
export interface CacheSettings {
  readonly ttl: TtlPolicy;
  /** 0 = nothing stale is served. */
  readonly graceMs: number;
  readonly backoffMs: number;
  readonly holdOffMs: number;
  /** 0 = stale values are served at once. */
  readonly softMs: number;
  /** Undefined = readers wait as long as it takes. */
  readonly hardMs: number | undefined;
  /** 0 = never. */
  readonly earlyRefresh: number;
  /** 0 = missing ids are not remembered. */
  readonly negativeMs: number;
  readonly negativeMax: number;
  readonly jitter: number;
  readonly batch: number;
  /** Undefined = each miss of a single read is loaded by itself. */
  readonly gatherMs: number | undefined;
  readonly maxValueBytes: number;
  readonly codec: CodecChoice;
  readonly compressAbove: number;
  readonly timeoutMs: number;
  readonly isTagged: boolean;
  /** Bounds of the ttl of an entry that is renewed, as shares of what the definition says. */
  readonly renewal: Pick<RefreshAhead, 'min' | 'max'>;
}

const longestNegativeMs = 30 * secondMs;

export function settingsOf(def: AnyCacheDef): CacheSettings {
  const path = `caches.${def.name}`;
  const ttl = policyOf(def);
  const preset = defaults.cache;
  return {
    ttl,
    graceMs: Math.floor(durationMs(def.grace ?? preset.graceMs, `${path}.grace`)),
    backoffMs: Math.ceil(durationMs(def.backoff ?? preset.backoffMs, `${path}.backoff`)),
    holdOffMs: holdOffMsOf(def),
    softMs: durationMs(def.timeouts?.soft ?? 0, `${path}.timeouts.soft`),
    hardMs:
      def.timeouts?.hard === undefined ? undefined : durationMs(def.timeouts.hard, `${path}.timeouts.hard`),
    earlyRefresh: def.earlyRefresh ?? preset.earlyRefresh,
    negativeMs:
      def.negativeTtl === undefined
        ? Math.min(ttl.usualMs / 10, longestNegativeMs)
        : durationMs(def.negativeTtl, `${path}.negativeTtl`),
    negativeMax: def.negativeMax ?? preset.negativeMax,
    jitter: def.jitter ?? preset.jitter,
    batch: def.batch ?? preset.batch,
    gatherMs: def.gatherFor === undefined ? undefined : durationMs(def.gatherFor, `${path}.gatherFor`),
    maxValueBytes: def.maxValueBytes ?? preset.maxValueBytes,
    codec: def.codec ?? 'json',
    compressAbove: def.compressAbove ?? Number.POSITIVE_INFINITY,
    timeoutMs: durationMs(
      def.origin.timeout ?? defaults.origin.timeoutMs,
      `origins.${def.origin.name}.timeout`,
    ),
    isTagged: def.tags !== undefined,
    renewal: refreshAheadOf(def) ?? { min: 1, max: 1 },
  };
}
