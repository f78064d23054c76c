import type { Plans } from './backtest.ts';
import { createShelf, type Shelf } from './shelf.ts';
import type { Traffic } from './traffic.ts';

/** Warming stops where the cache is this full, as `memoryMark` has it. */
const mark = 0.9;

export interface SteadyOptions {
  readonly ttlSeconds: number;
  /** Entries that fit; Infinity where memory is no limit. */
  readonly capacity: number;
  /** From here on (epoch seconds) reads count and the cache is warmed. */
  readonly from: number;
}

/** What is warmed before each window: the rule's best keys that are not fresh, at most so many; guarded, only while there is room. */
export interface Warming {
  readonly rule: string;
  readonly most: number;
  readonly isGuarded: boolean;
}

export interface Steady {
  readonly reads: number;
  readonly misses: number;
  /** Loads ahead. */
  readonly loads: number;
}

/**
 * Goes through traffic as one cache that is never emptied: a read of what is not fresh loads it. What was before the reads
 * that count is gone through once, and each way of warming goes on from there.
 */
export function createSteady(
  { names, keys, seconds }: Traffic,
  plans: readonly Plans[],
  { ttlSeconds, capacity, from }: SteadyOptions,
): (warming?: Warming) => Steady {
  const before = createShelf({ keys: names.length, ttlSeconds, capacity });
  let first = 0;
  while (first < keys.length && seconds[first]! < from) first += 1;
  before.readAll(keys, seconds, 0, first);

  return (warming) => {
    const shelf = before.copy();
    const reads = keys.length - first;
    if (warming === undefined)
      return { reads, misses: shelf.readAll(keys, seconds, first, keys.length), loads: 0 };
    let [misses, loads, upto] = [0, 0, first];
    for (const plan of plans) {
      misses += shelf.readAll(keys, seconds, upto, plan.window.from);
      upto = plan.window.from;
      loads += warm(shelf, plan, warming, capacity * mark);
    }
    misses += shelf.readAll(keys, seconds, upto, keys.length);
    return { reads, misses, loads };
  };
}

function warm(
  shelf: Shelf,
  { window, orders }: Plans,
  { rule, most, isGuarded }: Warming,
  room: number,
): number {
  const order = orders.get(rule)!;
  const { at } = window;
  const budget = isGuarded ? Math.min(most, Math.floor(room - shelf.live(at))) : most;
  let loads = 0;
  for (let i = 0; i < order.length && loads < budget; i++) {
    const key = order[i]!;
    if (shelf.isFresh(key, at)) continue;
    shelf.put(key, at);
    loads += 1;
  }
  return loads;
}
