import type { Figures, Pace } from './measure.ts';

/** The hour, replayed once. */
export interface Act {
  readonly figures: Figures;
  /** Database queries that readers waited for. */
  readonly queries: number;
  readonly failed: number;
  /** What the first failed read said. */
  readonly failure?: unknown;
}

/** A cache was warmed before the hour. */
export interface Warming {
  /** Keys written. */
  readonly keys: number;
  readonly queries: number;
  readonly pace: Pace;
}

/** What a demo found out. */
export interface Outcome {
  readonly cold: Act;
  readonly warmed: Act;
  readonly perfect: Act;
  readonly warming: Warming;
  readonly perfectWarming: Warming;
  /** Warmed keys that the hour asked for. */
  readonly used: number;
  /** Keys per second that the budget allows. */
  readonly limit: number;
  readonly seconds: number;
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const figures = {
  hit_ratio_first_5m: ({ warmed }: Outcome) => warmed.figures.firstFiveMinutes.hitRatio,
  hit_ratio_hour: ({ warmed }: Outcome) => warmed.figures.hour.hitRatio,
  cold_hit_ratio_first_5m: ({ cold }: Outcome) => cold.figures.firstFiveMinutes.hitRatio,
  cold_hit_ratio_hour: ({ cold }: Outcome) => cold.figures.hour.hitRatio,
  perfect_hit_ratio_first_5m: ({ perfect }: Outcome) => perfect.figures.firstFiveMinutes.hitRatio,
  perfect_hit_ratio_hour: ({ perfect }: Outcome) => perfect.figures.hour.hitRatio,
  share_of_perfect_first_5m: ({ warmed, perfect }: Outcome) =>
    share(warmed.figures.firstFiveMinutes.hitRatio, perfect.figures.firstFiveMinutes.hitRatio),
  share_of_perfect_hour: ({ warmed, perfect }: Outcome) =>
    share(warmed.figures.hour.hitRatio, perfect.figures.hour.hitRatio),
  p50_ms: ({ warmed }: Outcome) => warmed.figures.p50Ms,
  p99_ms: ({ warmed }: Outcome) => warmed.figures.p99Ms,
  cold_p50_ms: ({ cold }: Outcome) => cold.figures.p50Ms,
  cold_p99_ms: ({ cold }: Outcome) => cold.figures.p99Ms,
  perfect_p50_ms: ({ perfect }: Outcome) => perfect.figures.p50Ms,
  perfect_p99_ms: ({ perfect }: Outcome) => perfect.figures.p99Ms,
  database_queries: ({ warmed }: Outcome) => warmed.queries,
  cold_database_queries: ({ cold }: Outcome) => cold.queries,
  perfect_database_queries: ({ perfect }: Outcome) => perfect.queries,
  failed_reads: ({ cold, warmed, perfect }: Outcome) => cold.failed + warmed.failed + perfect.failed,
  keys_warmed: ({ warming }: Outcome) => warming.keys,
  keys_used: ({ used }: Outcome) => used,
  keys_unused: ({ warming, used }: Outcome) => warming.keys - used,
  rate_limit: ({ limit }: Outcome) => limit,
  rate_held: ({ warming }: Outcome) => warming.pace.perSecond,
  rate_peak_200ms: ({ warming }: Outcome) => warming.pace.peakPerSecond,
  seconds: ({ seconds }: Outcome) => seconds,
} satisfies Record<string, (outcome: Outcome) => number>;

/** Every figure that an assertion may speak of. */
export const figureNames = Object.keys(figures) as (keyof typeof figures)[];

/** The figures of an outcome by name, with four digits behind the point at most. */
export const figuresOf = (outcome: Outcome): Record<keyof typeof figures, number> =>
  Object.fromEntries(
    figureNames.map((name) => [name, Math.round(figures[name](outcome) * 10_000) / 10_000]),
  ) as Record<keyof typeof figures, number>;
