/** One read of the replayed hour. */
export interface Read {
  /** Milliseconds into the hour, as its log has it. */
  readonly at: number;
  /** How long the reader waited, in real milliseconds. */
  readonly ms: number;
  /** It failed, or made the loader run for its key; one that joined a load under way did not. */
  readonly isMiss: boolean;
}

export interface Share {
  readonly reads: number;
  readonly misses: number;
  /** Share of the reads that needed no load; 0 when nothing was read. */
  readonly hitRatio: number;
}

export interface Figures {
  readonly hour: Share;
  readonly firstFiveMinutes: Share;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const fiveMinutesMs = 300_000;

export function figures(reads: readonly Read[]): Figures {
  const waits = Float64Array.from(reads, ({ ms }) => ms).sort();
  return {
    hour: share(reads),
    firstFiveMinutes: share(reads.filter(({ at }) => at < fiveMinutesMs)),
    p50Ms: percentile(waits, 0.5),
    p99Ms: percentile(waits, 0.99),
  };
}

function share(reads: readonly Read[]): Share {
  const misses = reads.reduce((sum, { isMiss }) => sum + Number(isMiss), 0);
  return {
    reads: reads.length,
    misses,
    hitRatio: reads.length === 0 ? 0 : (reads.length - misses) / reads.length,
  };
}

/** The value below which `part` of the sorted values lie (nearest rank); 0 when there are none. */
export const percentile = (sorted: ArrayLike<number>, part: number): number =>
  sorted.length === 0 ? 0 : sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!;

/** A read that was made, or is to be made. */
export interface Request {
  /** Milliseconds into the hour. */
  readonly at: number;
  readonly key: string;
  readonly caller: 'user' | 'bot';
}

/** What perfect foresight would warm: the keys that the hour asks for most, at most `most` of them. */
export function busiest(requests: readonly Request[], most: number): string[] {
  const counts = new Map<string, number>();
  for (const { key } of requests) counts.set(key, (counts.get(key) ?? 0) + 1);
  // Among equals the order must not tell when in the hour a key is asked for.
  return [...counts]
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([key]) => key);
}

/** How many of the requests miss a cache that holds `warm` at first and then keeps whatever was read. */
export function expectedMisses(requests: readonly Request[], warm: Iterable<string>): number {
  const held = new Set(warm);
  const before = held.size;
  for (const { key } of requests) held.add(key);
  return held.size - before;
}

/** So much was begun at an instant (ms). */
export interface Begun {
  readonly at: number;
  readonly size: number;
}

/** How fast something went. */
export interface Pace {
  readonly total: number;
  /** From the first beginning to the last. */
  readonly ms: number;
  readonly perSecond: number;
  /** The most per second within any 200 ms. */
  readonly peakPerSecond: number;
}

const peakMs = 200;

export function pace(begun: readonly Begun[]): Pace {
  const sorted = [...begun].sort((a, b) => a.at - b.at);
  const total = sorted.reduce((sum, { size }) => sum + size, 0);
  const first = sorted[0];
  const last = sorted.at(-1);
  if (!first || !last || last.at === first.at) return { total, ms: 0, perSecond: 0, peakPerSecond: 0 };
  return {
    total,
    ms: last.at - first.at,
    // The last piece has been begun, but its time has not passed.
    perSecond: ((total - last.size) * 1_000) / (last.at - first.at),
    peakPerSecond: (densest(sorted, peakMs) * 1_000) / peakMs,
  };
}

/** The most that was begun within any window of this length; in the order of time. */
export function densest(begun: readonly Begun[], windowMs: number): number {
  let [most, within, oldest] = [0, 0, 0];
  for (const { at, size } of begun) {
    within += size;
    while (begun[oldest]!.at <= at - windowMs) within -= begun[oldest++]!.size;
    most = Math.max(most, within);
  }
  return most;
}

/** The least that was begun within any window of this length between the first beginning and the last. */
export function sparsest(begun: readonly Begun[], windowMs: number): number {
  const end = begun.at(-1)?.at ?? 0;
  let [least, within, next] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const { at, size } of begun) {
    // The emptiest windows open just after a beginning.
    if (at + windowMs > end) break;
    while (next < begun.length && begun[next]!.at <= at + windowMs) within += begun[next++]!.size;
    within -= size;
    least = Math.min(least, within);
  }
  return least;
}
