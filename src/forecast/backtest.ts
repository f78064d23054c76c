import { judged, judgedBy, leastReads } from './choice.ts';
import { baselines, experts } from './experts.ts';
import { rankAll } from './rank.ts';
import { createTable, type KeyTable } from './table.ts';
import { topOf } from './top.ts';
import type { Traffic } from './traffic.ts';

const hourSeconds = 3_600;
const earlySeconds = 300;
/** Plan sizes, as shares of the keys that an hour has on average. */
export const budgets = [0.25, 0.5, 1] as const;
/** How long before the scored half the automatic choice begins to look. */
const choiceHours = 96;
/** Candidates beyond the largest plan: what one memory ranks low another may rank high. */
const spare = 3;
const leastCandidates = 1_000;

/** What one rule would have spared over all scored hours, at one size of plan. */
export interface Spared {
  readonly keys: number;
  /** Misses spared, and keys loaded for it. */
  readonly spared: number;
  readonly loads: number;
  /** Of what perfect foresight spares at the same size. */
  readonly share: number;
  readonly precision: number;
  /** Hit ratios of the whole hours and of their first five minutes, the cache emptied before each. */
  readonly hitRatio: number;
  readonly earlyHitRatio: number;
}

export interface BacktestResult {
  readonly reads: number;
  readonly keys: number;
  readonly from: number;
  readonly to: number;
  /** Hours that were scored, of those in the second half of the time. */
  readonly hours: number;
  readonly keysPerHour: number;
  /** Without warming. */
  readonly cold: { readonly hitRatio: number; readonly earlyHitRatio: number };
  /** By rule: one figure for each of `budgets`. 'auto' chose among the experts as it went; 'perfect' knew the hour. */
  readonly rules: Readonly<Record<string, readonly Spared[]>>;
  /** How many hours the automatic choice gave to each expert. */
  readonly chosen: Readonly<Record<string, number>>;
}

interface Hour {
  readonly bucket: number;
  readonly from: number;
  readonly to: number;
}

/** Running sums of one rule at one size. */
interface Sums {
  spared: number;
  loads: number;
  early: number;
}

/**
 * Tries every rule on the second half of some traffic: before each hour the cache is emptied and the rule's best keys are
 * warmed; each of them that is read in the hour spares one miss. Nothing is known of an hour before it is over.
 */
export function backtest(
  traffic: Traffic,
  { onProgress }: { readonly onProgress?: ((share: number) => void) | undefined } = {},
): BacktestResult {
  const { names, keys, seconds } = traffic;
  const all = hoursOf(traffic);
  const [first = 0, last = 0] = [seconds[0], seconds.at(-1)];
  const half = first + (last - first) / 2;
  const isScored = ({ bucket, from, to }: Hour) => bucket * hourSeconds >= half && to - from >= leastReads;
  const scored = all.filter(isScored);
  const distinct = distinctIn(keys, names.length);
  const keysPerHour = scored.length === 0 ? 0 : mean(scored.map((hour) => distinct(hour).length));
  const sizes = budgets.map((share) => Math.max(1, Math.round(share * keysPerHour)));

  const table = createTable(names);
  const rules = new Map<string, Sums[]>();
  const sumsOf = (rule: string): Sums[] => {
    const known = rules.get(rule) ?? sizes.map(() => ({ spared: 0, loads: 0, early: 0 }));
    rules.set(rule, known);
    return known;
  };
  const choice = createChoice(experts.map(({ name }) => name));
  const base = { reads: 0, misses: 0, earlyReads: 0, earlyMisses: 0 };
  const counts = new Int32Array(names.length);
  const chosen: Record<string, number> = {};
  const choiceFrom = half - choiceHours * hourSeconds;

  all.forEach((hour, i) => {
    const read = distinct(hour);
    const isDue = isScored(hour);
    if (table.lastBucket !== undefined && hour.bucket * hourSeconds >= choiceFrom) {
      const ranked = rank(table, hour.bucket, Math.max(sizes.at(-1)!, read.length));
      const isRead = new Set(read);
      if (isDue) {
        const early = earlyOf(traffic, hour);
        const best = choice.best();
        chosen[best] = (chosen[best] ?? 0) + 1;
        const score = (rule: string, order: readonly number[]) =>
          addScores(sumsOf(rule), sizes, order, isRead, early.keys);
        for (const [rule, order] of ranked) score(rule, order);
        score('auto', ranked.get(best)!);
        for (let key = hour.from; key < hour.to; key++) counts[keys[key]!]! += 1;
        // What is read first of all that is read would be best in the first minutes; by count it is what a warmer can know.
        const perfect = [...read].sort((a, b) => counts[b]! - counts[a]! || a - b);
        for (const key of read) counts[key] = 0;
        score('perfect', perfect);
        base.reads += hour.to - hour.from;
        base.misses += read.length;
        base.earlyReads += early.reads;
        base.earlyMisses += early.keys.size;
      }
      choice.learn(hour.bucket, judgedBy(read.length), ranked, isRead);
    }
    for (let at = hour.from; at < hour.to; at++) counts[keys[at]!]! += 1;
    table.add(hour.bucket, read, counts);
    for (const key of read) counts[key] = 0;
    onProgress?.((i + 1) / all.length);
  });

  const ratio = (reads: number, misses: number) => (reads === 0 ? 0 : 1 - misses / reads);
  const perfect = sumsOf('perfect');
  const toSpared = (sums: readonly Sums[]): Spared[] =>
    sums.map(({ spared, loads, early }, i) => ({
      keys: sizes[i]!,
      spared,
      loads,
      share: perfect[i]!.spared === 0 ? 0 : spared / perfect[i]!.spared,
      precision: loads === 0 ? 0 : spared / loads,
      hitRatio: ratio(base.reads, base.misses - spared),
      earlyHitRatio: ratio(base.earlyReads, base.earlyMisses - early),
    }));
  return {
    reads: keys.length,
    keys: names.length,
    from: first,
    to: last,
    hours: scored.length,
    keysPerHour,
    cold: {
      hitRatio: ratio(base.reads, base.misses),
      earlyHitRatio: ratio(base.earlyReads, base.earlyMisses),
    },
    rules: Object.fromEntries(Array.from(rules, ([rule, sums]) => [rule, toSpared(sums)])),
    chosen,
  };
}

/** Adds what an order of keys, best first, would have spared in one hour at each size. */
function addScores(
  sums: readonly Sums[],
  sizes: readonly number[],
  order: readonly number[],
  isRead: ReadonlySet<number>,
  early: ReadonlySet<number>,
): void {
  let [spared, earlySpared, size] = [0, 0, 0];
  for (let i = 0; i <= order.length && size < sizes.length; i++) {
    for (; size < sizes.length && (i === sizes[size] || i === order.length); size++) {
      const sum = sums[size]!;
      sum.spared += spared;
      sum.early += earlySpared;
      sum.loads += i;
    }
    if (i === order.length) break;
    const key = order[i]!;
    if (isRead.has(key)) spared += 1;
    if (early.has(key)) earlySpared += 1;
  }
}

/** The best keys of every rule for an hour, best first. */
function rank(table: KeyTable, bucket: number, most: number): Map<string, number[]> {
  const keys = table.hottest(Math.max(leastCandidates, spare * most));
  const candidates = keys.map((key) => table.candidate(key));
  const at = { bucket, lastBucket: table.lastBucket!, most };
  const ranked = rankAll([...experts, ...baselines], candidates, at);
  const previous = Float64Array.from(keys, (key) => table.previous(key));
  ranked.set('previous-hour', topOf(previous, most));
  return new Map(Array.from(ranked, ([rule, order]) => [rule, order.map((i) => keys[i]!)]));
}

/** Follows how well each expert would have done lately; the best so far is chosen for the hour that comes. */
function createChoice(names: readonly string[]) {
  const scores = new Map(names.map((name) => [name, 0]));
  let upto: number | undefined;
  return {
    best: () => names.reduce((best, name) => (scores.get(name)! > scores.get(best)! ? name : best)),
    learn(
      bucket: number,
      size: number,
      ranked: ReadonlyMap<string, readonly number[]>,
      isRead: ReadonlySet<number>,
    ) {
      const hoursLater = bucket - (upto ?? bucket - 1);
      upto = bucket;
      for (const name of names) {
        const spared = ranked
          .get(name)!
          .slice(0, size)
          .filter((key) => isRead.has(key)).length;
        scores.set(name, judged(scores.get(name)!, spared / size, hoursLater));
      }
    },
  };
}

function hoursOf({ keys, seconds }: Traffic): Hour[] {
  const hours: Hour[] = [];
  for (let from = 0; from < keys.length; ) {
    const bucket = Math.floor(seconds[from]! / hourSeconds);
    let to = from;
    while (to < keys.length && seconds[to]! < (bucket + 1) * hourSeconds) to += 1;
    hours.push({ bucket, from, to });
    from = to;
  }
  return hours;
}

/** The different keys of an hour, by first appearance in it. */
function distinctIn(keys: Int32Array, size: number): (hour: Hour) => number[] {
  const seenIn = new Int32Array(size);
  let look = 0;
  return ({ from, to }) => {
    look += 1;
    const found: number[] = [];
    for (let at = from; at < to; at++) {
      const key = keys[at]!;
      if (seenIn[key] === look) continue;
      seenIn[key] = look;
      found.push(key);
    }
    return found;
  };
}

function earlyOf({ keys, seconds }: Traffic, { bucket, from, to }: Hour) {
  const until = bucket * hourSeconds + earlySeconds;
  const found = new Set<number>();
  let at = from;
  for (; at < to && seconds[at]! < until; at++) found.add(keys[at]!);
  return { reads: at - from, keys: found };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
