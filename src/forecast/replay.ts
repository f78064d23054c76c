import { nextTurn } from '../clock.ts';
import { type Backtest, backtest, halfOf, middleOf } from './backtest.ts';
import { type Refreshed, refreshAhead } from './replay-refresh.ts';
import { type Kept, steadyState } from './replay-steady.ts';
import type { Scorer } from './scorer.ts';
import type { Traffic } from './traffic.ts';

export interface ReplayOptions {
  /** Plan sizes, as shares of the keys that a window has on average. @default [0.1, 0.25, 0.5, 1] */
  readonly budgets?: readonly number[] | undefined;
  /** @default 3_600 */
  readonly windowSeconds?: number | undefined;
  /** How long entries are fresh. @default one window, six and twenty-four */
  readonly ttlsSeconds?: readonly number[] | undefined;
  /** Entries that fit, as shares of the keys that a window has on average. @default [Infinity, 0.5] */
  readonly capacities?: readonly number[] | undefined;
  /** Experts beside the built-in ones. @default none */
  readonly experts?: readonly Scorer[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((doing: string, share: number) => void) | undefined;
}

/** What one rule would have spared over all scored windows, at one size of plan. */
export interface Spared {
  /** The size of the plan: as a share of the keys that a window has on average, and in keys. */
  readonly budget: number;
  readonly keys: number;
  /** Misses spared, keys loaded for it, and those of them that nobody read. */
  readonly spared: number;
  readonly loads: number;
  readonly wasted: number;
  /** Of what perfect foresight spares at the same size; and of what it spares with keys that were ever read before. */
  readonly share: number;
  readonly shareOfSeen: number;
  readonly precision: number;
  /** Hit ratios of the whole windows and of their first minutes, the cache emptied before each. */
  readonly hitRatio: number;
  readonly earlyHitRatio: number;
}

/** Window by window: reads, and misses without warming, with the automatic choice and with perfect foresight. */
export interface Series {
  /** Epoch seconds. */
  readonly at: readonly number[];
  readonly reads: readonly number[];
  readonly cold: readonly number[];
  readonly warmed: readonly number[];
  readonly perfect: readonly number[];
}

export interface Replay {
  readonly reads: number;
  readonly keys: number;
  readonly from: number;
  readonly to: number;
  readonly windowSeconds: number;
  /** How much of a window its first minutes are. */
  readonly earlySeconds: number;
  /** Windows with fewer reads are not scored. */
  readonly leastReads: number;
  /** Windows that were scored, of those in the second half of the time. */
  readonly windows: number;
  readonly keysPerWindow: number;
  /** Without warming. */
  readonly cold: {
    readonly reads: number;
    readonly misses: number;
    readonly hitRatio: number;
    readonly earlyHitRatio: number;
  };
  /** By rule: one figure for each budget. 'auto' chose among the experts as it went; 'perfect' knew the window. */
  readonly rules: Readonly<Record<string, readonly Spared[]>>;
  /** How many windows the automatic choice gave to each expert. */
  readonly chosen: Readonly<Record<string, number>>;
  /** One cache that is never emptied, by ttl and capacity; none where no window was scored. */
  readonly steady: readonly Kept[];
  /** Loading anew what is due, by ttl. */
  readonly refresh: readonly Refreshed[];
  /** At the budget that is nearest to half a window's keys. */
  readonly series: Series;
}

/** The ttls that are tried where none is named, in seconds. */
export const usualTtls = (windowSeconds = 3_600): number[] =>
  [1, 6, 24].map((times) => times * windowSeconds);

/** Plays some traffic again: what warming would have done for it. */
export async function replay(traffic: Traffic, options: ReplayOptions = {}): Promise<Replay> {
  const { budgets, windowSeconds = 3_600, experts, signal, onProgress } = options;
  const { ttlsSeconds = usualTtls(windowSeconds) } = options;
  const capacities = options.capacities ?? [Number.POSITIVE_INFINITY, 0.5];
  const run = async <T>(doing: string, steps: Generator<number, T>): Promise<T> => {
    for (let taken = 0; ; taken++) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (taken % 8 > 0) continue;
      onProgress?.(doing, step.value);
      // An interrupt is heard only between two turns.
      await nextTurn();
      signal?.throwIfAborted();
    }
  };

  const tried = await run(
    'cold start',
    backtest(traffic, { windowSeconds, experts, ...(budgets && { budgets }) }),
  );
  const from = halfOf(traffic.seconds);
  const isScored = tried.plans.length > 0;
  const steady = isScored
    ? await run('steady state', steadyState(traffic, tried, { ttlsSeconds, capacities, from }))
    : [];
  const refresh = isScored ? await run('refresh ahead', refreshAhead(traffic, ttlsSeconds)) : [];
  const { base, earlySeconds, keysPerWindow, chosen } = tried;
  const { names, seconds } = traffic;
  return {
    reads: seconds.length,
    keys: names.length,
    from: seconds[0] ?? 0,
    to: seconds.at(-1) ?? 0,
    windowSeconds,
    earlySeconds,
    leastReads: tried.leastReads,
    windows: base.series.at.length,
    keysPerWindow,
    cold: {
      reads: base.reads,
      misses: base.misses,
      hitRatio: ratio(base.reads, base.misses),
      earlyHitRatio: ratio(base.earlyReads, base.earlyMisses),
    },
    rules: Object.fromEntries(Array.from(tried.rules.keys(), (rule) => [rule, sparedBy(tried, rule)])),
    chosen,
    steady,
    refresh,
    series: seriesOf(tried),
  };
}

function sparedBy({ budgets, sizes, rules, base }: Backtest, rule: string): Spared[] {
  return rules.get(rule)!.bySize.map(({ spared, loads, early }, i) => ({
    budget: budgets[i]!,
    keys: sizes[i]!,
    spared,
    loads,
    wasted: loads - spared,
    share: share(spared, rules.get('perfect')!.bySize[i]!.spared),
    shareOfSeen: share(spared, rules.get('perfect-seen')!.bySize[i]!.spared),
    precision: share(spared, loads),
    hitRatio: ratio(base.reads, base.misses - spared),
    earlyHitRatio: ratio(base.earlyReads, base.earlyMisses - early),
  }));
}

function seriesOf({ budgets, rules, base: { series } }: Backtest): Series {
  const middle = middleOf(budgets);
  const left = (rule: string) => {
    const spared = rules.get(rule)?.series[middle] ?? [];
    return series.misses.map((misses, i) => misses - spared[i]!);
  };
  return {
    at: series.at,
    reads: series.reads,
    cold: series.misses,
    warmed: left('auto'),
    perfect: left('perfect'),
  };
}

const ratio = (reads: number, misses: number): number => (reads === 0 ? 0 : 1 - misses / reads);
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
