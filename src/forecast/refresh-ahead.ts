import { hourMs, secondMs } from '../duration.ts';
import { chanceOfRead, leastDays, memories, sharesOf } from './chance.ts';
import { leftOf } from './fold.ts';
import { addTo, createLine } from './line.ts';
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
 * Goes through traffic, for each policy as a cache that forgets nothing but what has expired: a read of what is not
 * fresh loads it, and when an entry is due the policy says whether it is loaded again. Statistics are those that a worker
 * has: hours that are over, folded, and the present one as far as it has come. Results are by name of the policy.
 */
export function simulateRefresh(
  traffic: Traffic,
  options: RefreshOptions,
  policies: Readonly<Record<string, RefreshPolicy>>,
): Record<string, RefreshOutcome> {
  const named = Object.keys(policies);
  const [base, ...counts] = play(traffic, options, [never, ...Object.values(policies)]) as [
    Counted,
    ...Counted[],
  ];
  const expiryMisses = base.misses - base.firsts;
  return Object.fromEntries(
    counts.map(({ reads, misses, refreshes, unread }, i): [string, RefreshOutcome] => {
      const outcome = { reads, misses, refreshes, unread, expiryMisses };
      const removed = expiryMisses === 0 ? 0 : (base.misses - misses) / expiryMisses;
      const extraLoads = base.misses === 0 ? 0 : (misses + refreshes - base.misses) / base.misses;
      return [named[i]!, { ...outcome, removed, extraLoads }];
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

/** All policies side by side: they differ in what they load, and not in what they know. */
function play(
  { names, keys, seconds }: Traffic,
  { ttlMs, at = 1 }: RefreshOptions,
  policies: readonly RefreshPolicy[],
): Counted[] {
  const [first = 0, last = 0] = [seconds[0], seconds.at(-1)];
  const half = (first + (last - first) / 2) * secondMs;
  const dueMs = ttlMs * at;
  const state = createState(names.length);
  const count = policies.length;
  // What the policies have of one key stands together: a read looks at all of it.
  const loadedAt = new Float64Array(names.length * count).fill(Number.NEGATIVE_INFINITY);
  const readsSince = new Int32Array(names.length * count);
  const isRefreshed = new Uint8Array(names.length * count);
  // All wait equally long, so they come due in the order in which they were loaded.
  const queues = policies.map(() => createLine());
  const dueAt = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let nextDue = Number.POSITIVE_INFINITY;
  const counted = policies.map((): Counted => ({ reads: 0, misses: 0, firsts: 0, refreshes: 0, unread: 0 }));
  let [key, when, slot] = [0, 0, 0];
  const due: Due = {
    // Not every policy asks.
    get chance() {
      return state.chance(key, when, dueMs);
    },
    get reads() {
      return readsSince[slot]!;
    },
  };

  const load = (policy: number, loaded: number, now: number, refreshed: number): void => {
    const into = loaded * count + policy;
    loadedAt[into] = now;
    readsSince[into] = 0;
    isRefreshed[into] = refreshed;
    addTo(queues[policy]!, loaded, now);
    if (dueAt[policy] === Number.POSITIVE_INFINITY) dueAt[policy] = now + dueMs;
    if (dueAt[policy]! < nextDue) nextDue = dueAt[policy]!;
  };

  /** Refreshes what is due by then under a policy, or lets it go. */
  const settle = (policy: number, now: number): void => {
    const queue = queues[policy]!;
    const sums = counted[policy]!;
    while (dueAt[policy]! <= now) {
      const since = queue.times[queue.head]!;
      key = queue.keys[queue.head]!;
      queue.head += 1;
      slot = key * count + policy;
      when = since + dueMs;
      dueAt[policy] = queue.head === queue.tail ? Number.POSITIVE_INFINITY : queue.times[queue.head]! + dueMs;
      if (loadedAt[slot] !== since) continue;
      const isCounted = when >= half;
      if (isCounted && isRefreshed[slot] === 1 && readsSince[slot] === 0) sums.unread += 1;
      if (!policies[policy]!(due)) continue;
      if (isCounted) sums.refreshes += 1;
      load(policy, key, when, 1);
    }
  };

  for (let i = 0; i < keys.length; i++) {
    const read = keys[i]!;
    const now = seconds[i]! * secondMs;
    const isCounted = now >= half;
    if (nextDue <= now) {
      nextDue = Number.POSITIVE_INFINITY;
      for (let policy = 0; policy < count; policy++) {
        settle(policy, now);
        if (dueAt[policy]! < nextDue) nextDue = dueAt[policy]!;
      }
    }
    for (let policy = 0, at = read * count; policy < count; policy++, at++) {
      const loaded = loadedAt[at]!;
      if (now - loaded < ttlMs) {
        readsSince[at]! += 1;
        continue;
      }
      if (isCounted) {
        counted[policy]!.misses += 1;
        if (loaded === Number.NEGATIVE_INFINITY) counted[policy]!.firsts += 1;
      }
      load(policy, read, now, 0);
    }
    state.read(read, now);
  }
  let from = 0;
  while (from < keys.length && seconds[from]! * secondMs < half) from += 1;
  for (const sums of counted) sums.reads = keys.length - from;
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
  const known = memories.map(() => 0);
  // Policies that agree about a key ask about it at the same moments.
  const askedAt = new Float64Array(size).fill(Number.NaN);
  const answers = new Float64Array(size);
  let firstBucket = -1;
  let shares: { readonly bucket: number; readonly shares: number[] | undefined } = {
    bucket: -1,
    shares: undefined,
  };

  /** Adds the hour in which a key was read last, once it is over. */
  const fold = (key: number): void => {
    const bucket = openBucket[key]!;
    const age = bucket - lastBucket[key]!;
    for (let i = 0; i < sums.length; i++) {
      const values = sums[i]!;
      values[key] = values[key]! * leftOf(age, memories[i]!) + open[key]!;
    }
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
      if (askedAt[key] === now) return answers[key]!;
      const bucket = Math.floor(now / hourMs);
      if (open[key]! > 0 && openBucket[key]! < bucket) fold(key);
      for (let i = 0; i < sums.length; i++) known[i] = sums[i]![key]!;
      const chance = chanceOfRead(
        {
          sums: known,
          lastBucket: lastBucket[key]!,
          knownHours: bucket - firstSeen[key]! + 1,
          open: open[key]!,
        },
        { now, withinMs, folded: bucket - 1, hourShares: sharesAt(bucket) },
      );
      askedAt[key] = now;
      answers[key] = chance;
      return chance;
    },
  };
}
