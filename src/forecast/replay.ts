import { type Backtest, type BacktestOptions, backtest } from './backtest.ts';
import type { Traffic } from './traffic.ts';

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

export interface Replay {
  readonly reads: number;
  readonly keys: number;
  readonly from: number;
  readonly to: number;
  readonly windowSeconds: number;
  /** How much of a window its first minutes are. */
  readonly earlySeconds: number;
  /** Windows that were scored, of those in the second half of the time. */
  readonly windows: number;
  readonly keysPerWindow: number;
  /** Without warming. */
  readonly cold: { readonly hitRatio: number; readonly earlyHitRatio: number };
  /** By rule: one figure for each budget. 'auto' chose among the experts as it went; 'perfect' knew the window. */
  readonly rules: Readonly<Record<string, readonly Spared[]>>;
  /** How many windows the automatic choice gave to each expert. */
  readonly chosen: Readonly<Record<string, number>>;
}

/** Plays some traffic again: what warming would have done for it. */
export function replay(traffic: Traffic, options: BacktestOptions = {}): Replay {
  const tried = backtest(traffic, options);
  const { base, windowSeconds, earlySeconds, keysPerWindow, chosen } = tried;
  const { names, seconds } = traffic;
  return {
    reads: seconds.length,
    keys: names.length,
    from: seconds[0] ?? 0,
    to: seconds.at(-1) ?? 0,
    windowSeconds,
    earlySeconds,
    windows: base.series.at.length,
    keysPerWindow,
    cold: {
      hitRatio: ratio(base.reads, base.misses),
      earlyHitRatio: ratio(base.earlyReads, base.earlyMisses),
    },
    rules: Object.fromEntries(Array.from(tried.rules.keys(), (rule) => [rule, sparedBy(tried, rule)])),
    chosen,
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

const ratio = (reads: number, misses: number): number => (reads === 0 ? 0 : 1 - misses / reads);
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
