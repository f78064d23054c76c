import { type Backtest, middleOf } from './backtest.ts';
import { createSteady, type Steady } from './steady.ts';
import type { Traffic } from './traffic.ts';

/** What warming did for a cache that is never emptied. */
export interface KeptBy {
  readonly hitRatio: number;
  readonly misses: number;
  /** Loads ahead. */
  readonly loads: number;
  /** Misses that were avoided: of those without warming, of those that perfect foresight avoids, and by each load ahead. */
  readonly avoided: number;
  readonly avoidedOfPerfect: number;
  readonly avoidedPerLoad: number;
  /** Misses and loads ahead, of the misses without warming: what the origin has to bear. */
  readonly totalLoads: number;
}

/** One cache at one ttl and capacity. */
export interface Kept {
  readonly ttlSeconds: number;
  /** Entries that fit: as a share of a window's keys, and in entries; null where memory is no limit. */
  readonly capacity: number | null;
  readonly entries: number | null;
  /** Without warming. */
  readonly base: { readonly hitRatio: number; readonly misses: number };
  readonly budgets: readonly KeptAt[];
}

export interface KeptAt {
  readonly budget: number;
  readonly keys: number;
  /** By rule: the automatic choice and perfect foresight everywhere, the others at the first ttl and the middle budget, where memory is no limit. */
  readonly rules: Readonly<Record<string, KeptBy>>;
  /** The automatic choice without the guard that keeps warming from pushing out what is hot; null where it has nothing to guard. */
  readonly unguarded: KeptBy | null;
}

/** Every budget at every ttl and capacity. Tells after each what share of them is done. */
export function* steadyState(
  traffic: Traffic,
  { plans, sizes, budgets, keysPerWindow }: Backtest,
  options: {
    readonly ttlsSeconds: readonly number[];
    readonly capacities: readonly number[];
    readonly from: number;
  },
): Generator<number, Kept[]> {
  const { ttlsSeconds, capacities, from } = options;
  const allRules = [...plans[0]!.orders.keys()];
  const cells = capacities.flatMap((capacity) => ttlsSeconds.map((ttlSeconds) => ({ capacity, ttlSeconds })));
  const kept: Kept[] = [];
  for (const [i, { capacity: part, ttlSeconds }] of cells.entries()) {
    const isBounded = part !== Number.POSITIVE_INFINITY;
    const capacity = isBounded ? Math.max(1, Math.round(part * keysPerWindow)) : part;
    const keep = createSteady(traffic, plans, { ttlSeconds, capacity, from });
    const base = keep();
    const results: KeptAt[] = [];
    for (const [size, most] of sizes.entries()) {
      yield (i + size / sizes.length) / cells.length;
      const isFull = !isBounded && ttlSeconds === ttlsSeconds[0] && size === middleOf(budgets);
      const perfect = keep({ rule: 'perfect', most, isGuarded: isBounded });
      const byRule: Record<string, KeptBy> = { perfect: keptBy(perfect, base, perfect) };
      for (const rule of isFull ? allRules : ['auto'])
        byRule[rule] = keptBy(keep({ rule, most, isGuarded: isBounded }), base, perfect);
      const unguarded = isBounded
        ? keptBy(keep({ rule: 'auto', most, isGuarded: false }), base, perfect)
        : null;
      results.push({ budget: budgets[size]!, keys: most, rules: byRule, unguarded });
    }
    kept.push({
      ttlSeconds,
      capacity: isBounded ? part : null,
      entries: isBounded ? capacity : null,
      base: { hitRatio: ratio(base), misses: base.misses },
      budgets: results,
    });
  }
  return kept;
}

function keptBy(steady: Steady, base: Steady, perfect: Steady): KeptBy {
  const { misses, loads } = steady;
  const avoided = base.misses - misses;
  return {
    hitRatio: ratio(steady),
    misses,
    loads,
    avoided: share(avoided, base.misses),
    avoidedOfPerfect: share(avoided, base.misses - perfect.misses),
    avoidedPerLoad: share(avoided, loads),
    totalLoads: share(misses + loads, base.misses),
  };
}

const ratio = ({ reads, misses }: Steady): number => (reads === 0 ? 0 : 1 - misses / reads);
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
