import { hourMs, secondMs } from '../duration.ts';
import { type ChanceAt, chanceOfRead, leastDays, memories, sharesOf } from './chance.ts';
import { leftOf } from './fold.ts';
import type { Traffic } from './traffic.ts';

/** What a policy may go by when the entry of a key is due. */
export interface Due {
  /** How likely it is read in the time that a refresh would add to its life; see `chance`. */
  readonly chance: number;
  /** Reads since it was loaded. */
  readonly reads: number;
}

/** Whether an entry that is due is loaded again. */
export type RefreshPolicy = (due: Due) => boolean;

export interface RefreshOptions {
  readonly ttlMs: number;
  /** Share of the ttl after which an entry is due; 1 = when it ends. @default 1 */
  readonly at?: number;
}

/** What one policy would have done, counted over the second half of the time. */
export interface RefreshOutcome {
  readonly reads: number;
  readonly misses: number;
  readonly refreshes: number;
  /** Refreshes after which nobody read the key before it was due again. */
  readonly unread: number;
  /** Of the misses without refreshing, those of keys that had been there before. */
  readonly expiryMisses: number;
  /** Share of those that it removed. */
  readonly removed: number;
  /** Loads beyond those without refreshing, as a share of them. */
  readonly extraLoads: number;
}

const never: RefreshPolicy = () => false;
/** Everything, what was read lately, what is worth it. */
export const always: RefreshPolicy = () => true;
export const readAtLeast =
  (reads: number): RefreshPolicy =>
  (due) =>
    due.reads >= reads;
export const worthAbove =
  (threshold: number): RefreshPolicy =>
  (due) =>
    due.chance > threshold;

interface Counted {
  reads: number;
  misses: number;
  firsts: number;
  refreshes: number;
  unread: number;
}

/**
 * Goes through traffic, once for each policy, as a cache that forgets nothing but what has expired: a read of what is not
 * fresh loads it, and when an entry is due the policy says whether it is loaded again. Statistics are those that a worker
 * has: hours that are over, folded, and the present one as far as it has come. Results are by name of the policy.
 */
export function simulateRefresh(
  traffic: Traffic,
  options: RefreshOptions,
  policies: Readonly<Record<string, RefreshPolicy>>,
): Record<string, RefreshOutcome> {
  const base = run(traffic, options, never);
  const expiryMisses = base.misses - base.firsts;
  return Object.fromEntries(
    Object.entries(policies).map(([name, policy]): [string, RefreshOutcome] => {
      const { reads, misses, refreshes, unread } = run(traffic, options, policy);
      const outcome = { reads, misses, refreshes, unread, expiryMisses };
      const removed = expiryMisses === 0 ? 0 : (base.misses - misses) / expiryMisses;
      const extraLoads = base.misses === 0 ? 0 : (misses + refreshes - base.misses) / base.misses;
      return [name, { ...outcome, removed, extraLoads }];
    }),
  );
}

/** Share of expiry misses removed at a share of extra loads, linear between the two nearest outcomes. */
export function removedAt(outcomes: readonly RefreshOutcome[], extraLoads: number): number {
  const points = [{ extraLoads: 0, removed: 0 }, ...outcomes].toSorted((a, b) => a.extraLoads - b.extraLoads);
  let best = 0;
  for (const [i, point] of points.entries()) {
    if (point.extraLoads <= extraLoads) best = Math.max(best, point.removed);
    const next = points[i + 1];
    if (next === undefined || !(point.extraLoads <= extraLoads && extraLoads < next.extraLoads)) continue;
    const share = (extraLoads - point.extraLoads) / (next.extraLoads - point.extraLoads);
    best = Math.max(best, point.removed + share * (next.removed - point.removed));
  }
  return best;
}

function run({ names, keys, seconds }: Traffic, options: RefreshOptions, policy: RefreshPolicy): Counted {
  const { ttlMs, at = 1 } = options;
  const dueMs = ttlMs * at;
  const size = names.length;
  const state = createState(size);
  const loadedAt = new Float64Array(size).fill(Number.NEGATIVE_INFINITY);
  const readsSince = new Int32Array(size);
  const isRefreshed = new Uint8Array(size);
  // All wait equally long, so they come due in the order in which they were loaded.
  const queue: { key: number; loadedAt: number }[] = [];
  let head = 0;
  const [first = 0, last = 0] = [seconds[0], seconds.at(-1)];
  const half = (first + (last - first) / 2) * secondMs;
  const counted: Counted = { reads: 0, misses: 0, firsts: 0, refreshes: 0, unread: 0 };

  const load = (key: number, now: number, refreshed: boolean): void => {
    loadedAt[key] = now;
    readsSince[key] = 0;
    isRefreshed[key] = Number(refreshed);
    queue.push({ key, loadedAt: now });
  };

  const settleUpTo = (now: number): void => {
    for (; head < queue.length && queue[head]!.loadedAt + dueMs <= now; head++) {
      const due = queue[head]!;
      if (loadedAt[due.key] !== due.loadedAt) continue;
      const when = due.loadedAt + dueMs;
      const reads = readsSince[due.key]!;
      if (isRefreshed[due.key] === 1 && reads === 0 && when >= half) counted.unread += 1;
      const chance = policy === never ? 0 : state.chance(due.key, when, dueMs);
      if (!policy({ chance, reads })) continue;
      if (when >= half) counted.refreshes += 1;
      load(due.key, when, true);
    }
  };

  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const now = seconds[i]! * secondMs;
    settleUpTo(now);
    const isCounted = now >= half;
    if (isCounted) counted.reads += 1;
    if (now - loadedAt[key]! >= ttlMs) {
      if (isCounted) counted.misses += 1;
      if (isCounted && loadedAt[key] === Number.NEGATIVE_INFINITY) counted.firsts += 1;
      load(key, now, false);
    } else readsSince[key]! += 1;
    state.read(key, now);
  }
  return counted;
}

/** The statistics of every key as of any moment, kept as Postgres keeps them. */
function createState(size: number) {
  const sums = memories.map(() => new Float64Array(size));
  const firstSeen = new Int32Array(size).fill(-1);
  const lastBucket = new Int32Array(size).fill(-1);
  const open = new Int32Array(size);
  const openBucket = new Int32Array(size).fill(-1);
  const hours = new Float64Array(24);
  let firstBucket = -1;
  let shares: { readonly bucket: number; readonly shares: number[] | undefined } = {
    bucket: -1,
    shares: undefined,
  };

  /** Adds the hour in which a key was read last, once it is over. */
  const fold = (key: number): void => {
    const bucket = openBucket[key]!;
    const age = bucket - lastBucket[key]!;
    for (const [i, values] of sums.entries())
      values[key] = values[key]! * leftOf(age, memories[i]!) + open[key]!;
    lastBucket[key] = bucket;
    open[key] = 0;
  };

  const sharesAt = (bucket: number): number[] | undefined => {
    if (bucket - firstBucket < 24 * leastDays) return undefined;
    if (shares.bucket !== bucket) shares = { bucket, shares: sharesOf(hours) };
    return shares.shares;
  };

  return {
    read(key: number, now: number): void {
      const bucket = Math.floor(now / hourMs);
      if (firstBucket < 0) firstBucket = bucket;
      if (firstSeen[key]! < 0) firstSeen[key] = bucket;
      if (openBucket[key] !== bucket) {
        if (open[key]! > 0) fold(key);
        openBucket[key] = bucket;
      }
      open[key]! += 1;
      hours[bucket % 24]! += 1;
    },
    chance(key: number, now: number, withinMs: number): number {
      const bucket = Math.floor(now / hourMs);
      if (open[key]! > 0 && openBucket[key]! < bucket) fold(key);
      const known = {
        sums: sums.map((values) => values[key]!),
        lastBucket: lastBucket[key]!,
        knownHours: bucket - firstSeen[key]! + 1,
        open: open[key]!,
      };
      const at: ChanceAt = { now, withinMs, folded: bucket - 1, hourShares: sharesAt(bucket) };
      return chanceOfRead(known, at);
    },
  };
}
