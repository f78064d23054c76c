import type { Plans } from './backtest.ts';
import { createShelf } from './shelf.ts';
import type { Traffic } from './traffic.ts';

/** Warming stops where the cache is this full, as `memoryMark` has it. */
const mark = 0.9;

export interface SteadyOptions {
  readonly ttlSeconds: number;
  /** Entries that fit; Infinity where memory is no limit. */
  readonly capacity: number;
  /** From here on (epoch seconds) reads count and the cache is warmed. */
  readonly from: number;
  /** What is warmed before each window: the rule's best keys that are not fresh, at most so many. Nothing without. */
  readonly warm?: { readonly rule: string; readonly most: number; readonly isGuarded: boolean };
}

export interface Steady {
  readonly reads: number;
  readonly misses: number;
  /** Loads ahead. */
  readonly loads: number;
  readonly evicted: number;
}

/**
 * Goes through traffic as one cache that is never emptied: a read of what is not fresh loads it. Before each window of the
 * plans it is warmed; with the guard, only while it is not full.
 */
export function simulateSteady(
  { names, keys, seconds }: Traffic,
  plans: readonly Plans[],
  { ttlSeconds, capacity, from, warm }: SteadyOptions,
): Steady {
  const shelf = createShelf({ keys: names.length, ttlSeconds, capacity });
  const isBounded = capacity !== Number.POSITIVE_INFINITY;
  const most = warm?.isGuarded === true ? Math.floor(capacity * mark) : Number.POSITIVE_INFINITY;
  let [reads, misses, loads, next] = [0, 0, 0, 0];

  const warmFor = ({ window, orders }: Plans, { rule, most: budget }: { rule: string; most: number }): void => {
    const order = orders.get(rule)!;
    const { at } = window;
    let left = Math.min(budget, isBounded ? most - shelf.live(at) : budget);
    for (let i = 0; i < order.length && left > 0; i++) {
      const key = order[i]!;
      if (shelf.isFresh(key, at)) continue;
      shelf.put(key, at);
      loads += 1;
      left -= 1;
    }
  };

  let nextRead = warm === undefined || plans.length === 0 ? Number.POSITIVE_INFINITY : plans[0]!.window.from;
  for (let i = 0; i < keys.length; i++) {
    if (i === nextRead) {
      warmFor(plans[next]!, warm!);
      next += 1;
      nextRead = plans[next]?.window.from ?? Number.POSITIVE_INFINITY;
    }
    const key = keys[i]!;
    const now = seconds[i]!;
    const isCounted = now >= from;
    if (isCounted) reads += 1;
    if (shelf.isFresh(key, now)) {
      if (isBounded) shelf.touch(key);
      continue;
    }
    if (isCounted) misses += 1;
    shelf.put(key, now);
  }
  return { reads, misses, loads, evicted: shelf.evicted };
}
