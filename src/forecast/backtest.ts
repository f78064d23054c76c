import { hourMs, secondMs } from '../duration.ts';
import { choose, judged, judgedBy, noMarks, scoreOf } from './choice.ts';
import { type Base, createSums, type Sums } from './cold.ts';
import { createEchoes, type Echoes } from './echoes.ts';
import { experts as builtIn } from './experts.ts';
import { learnAll, rankAll, scoreAt } from './rank.ts';
import type { Candidates, Lesson, ScoreAt, Scorer } from './scorer.ts';
import { createTable, type KeyTable } from './table.ts';
import { topOf } from './top.ts';
import type { Traffic } from './traffic.ts';
import { createCensus, type Window, windowsOf } from './windows.ts';

const hourSeconds = hourMs / secondMs;
/** Plan sizes, as shares of the keys that a window has on average. */
const defaultBudgets = [0.1, 0.25, 0.5, 1];
/** How long before the scored half the automatic choice begins to look. */
const choiceHours = 96;
/** Candidates beyond the largest plan: what one memory ranks low another may rank high. */
const spare = 2;
const leastCandidates = 1_000;
const mostSpare = 20_000;

export interface BacktestOptions {
  readonly windowSeconds?: number;
  readonly budgets?: readonly number[];
  /** Experts beside the built-in ones. */
  readonly experts?: readonly Scorer[] | undefined;
}

/** What every rule would have warmed before a window that is scored, best first, as numbers of keys. */
export interface Plans {
  readonly window: Window;
  readonly orders: ReadonlyMap<string, Int32Array>;
}

export interface Backtest {
  readonly windowSeconds: number;
  readonly earlySeconds: number;
  readonly leastReads: number;
  readonly budgets: readonly number[];
  /** The same in keys. */
  readonly sizes: readonly number[];
  readonly keysPerWindow: number;
  readonly base: Base;
  /** By rule. 'auto' chose among the experts as it went; 'perfect' knew the window, 'perfect-seen' what of it was not new. */
  readonly rules: ReadonlyMap<string, Sums>;
  /** How many windows the automatic choice gave to each expert. */
  readonly chosen: Readonly<Record<string, number>>;
  readonly plans: readonly Plans[];
}

/**
 * Tries every rule on the second half of some traffic: before each window the cache is emptied and the rule's best keys are
 * warmed; each of them that is read in the window spares one miss. Nothing is known of a window before it is over. Tells
 * after each what share of them is done.
 */
export function* backtest(
  traffic: Traffic,
  { windowSeconds = hourSeconds, budgets = defaultBudgets, experts: own = [] }: BacktestOptions = {},
): Generator<number, Backtest> {
  const { names, seconds } = traffic;
  const experts = [...builtIn, ...own];
  const all = windowsOf(traffic, windowSeconds);
  const half = halfOf(seconds);
  const leastReads = windowSeconds < hourSeconds ? 20 : 30;
  const isScored = ({ at, from, to }: Window) => at >= half && to - from >= leastReads;
  const earlySeconds = Math.min(300, Math.max(60, windowSeconds / 12));
  const census = createCensus(traffic);
  const scored = all.filter(isScored);
  const keysPerWindow =
    scored.reduce((sum, window) => sum + census(window).keys.length, 0) / Math.max(1, scored.length);
  const sizes = budgets.map((share) => Math.max(1, Math.round(share * keysPerWindow)));
  const largest = Math.max(...sizes);

  const table = createTable(names);
  const echoes = createEchoes(names.length);
  let learned: ReadonlyMap<string, readonly number[]> = new Map();
  const sums = createSums(traffic, { sizes, earlySeconds });
  const choice = createChoice(experts.map(({ name }) => name));
  const chosen: Record<string, number> = {};
  const plans: Plans[] = [];
  const stepSeconds = Math.min(windowSeconds, hourSeconds);
  const part = createCensus(traffic);
  const toHours = (at: number) => at / hourSeconds;

  for (const [i, window] of all.entries()) {
    const { keys: read, counts } = census(window);
    const isDue = isScored(window);
    const bucket = toHours(window.at);
    if (table.last !== undefined && window.at >= half - choiceHours * hourSeconds) {
      const by = judgedBy(read.length);
      const most = isDue ? Math.max(largest, by) : by;
      const { ranked, lesson } = rank(table, echoes, {
        bucket,
        most,
        horizonMs: windowSeconds * secondMs,
        learned,
        experts,
      });
      sums.look(window);
      if (isDue) {
        const best = choice.best();
        chosen[best] = (chosen[best] ?? 0) + 1;
        ranked.set('auto', ranked.get(best)!);
        // What is read first of all that is read would be best in the first minutes; by count it is what a warmer can know.
        ranked.set('perfect', foreseen(read, counts, largest));
        const seen = read.filter((key) => table.isKnown(key));
        ranked.set('perfect-seen', foreseen(seen, counts, largest));
        for (const [rule, order] of ranked) sums.add(rule, order);
        sums.addBase(window, read.length);
        plans.push({
          window,
          orders: new Map(Array.from(ranked, ([rule, order]) => [rule, order.slice(0, largest)])),
        });
      }
      choice.learn(bucket, (expert) => sums.readOf(ranked.get(expert)!, by) / by);
      learned = learnAll(experts, lesson(counts));
    }
    for (const step of windowsOf(traffic, stepSeconds, window.from, window.to)) {
      const { keys, counts: times } = part(step);
      table.add(toHours(step.at), keys, times);
      echoes.add(Math.floor(toHours(step.at)), keys, times);
    }
    yield (i + 1) / all.length;
  }
  return {
    windowSeconds,
    earlySeconds,
    leastReads,
    budgets,
    sizes,
    keysPerWindow,
    base: sums.base,
    rules: sums.rules,
    chosen,
    plans,
  };
}

/** The middle of the time: what is before it is history. */
export const halfOf = (seconds: Float64Array): number =>
  seconds.length === 0 ? 0 : seconds[0]! + (seconds.at(-1)! - seconds[0]!) / 2;

function foreseen(read: Int32Array, counts: Int32Array, most: number): Int32Array {
  const times = new Float64Array(read.length);
  for (let i = 0; i < read.length; i++) times[i] = counts[read[i]!]!;
  return pick(read, topOf(times, most));
}

/** What stands at some positions; a loop, because typed arrays are slow to make from an iterator. */
function pick(keys: ArrayLike<number>, positions: readonly number[]): Int32Array {
  const picked = new Int32Array(positions.length);
  for (let i = 0; i < picked.length; i++) picked[i] = keys[positions[i]!]!;
  return picked;
}

/** The best keys of every rule for a window, best first; and what can be learned of it once it is over. */
function rank(
  table: KeyTable,
  echoes: Echoes,
  asked: {
    readonly bucket: number;
    readonly most: number;
    readonly horizonMs: number;
    readonly learned: ScoreAt['learned'] & object;
    readonly experts: readonly Scorer[];
  },
) {
  const { bucket, most, horizonMs, learned, experts } = asked;
  const keys = table.hottest(Math.max(leastCandidates, most + Math.min(mostSpare, spare * most)));
  echoes.look(Math.floor(bucket));
  // All in one place, one after the other: thousands of them side by side would be fetched from memory again by every expert.
  const candidates: Candidates = {
    length: keys.length,
    at: (position) => table.candidate(keys[position]!, 0, echoes),
  };
  const at = scoreAt(candidates, {
    now: bucket * hourMs,
    horizonMs,
    lastBucket: Math.floor(table.last!),
    learned,
  });
  const ranked = rankAll(experts, candidates, at, most);
  return {
    ranked: new Map(Array.from(ranked, ([rule, order]) => [rule, pick(keys, order)])),
    lesson: (counts: Int32Array): Lesson => ({ candidates, at, isRead: (i) => counts[keys[i]!]! > 0 }),
  };
}

/** Follows how well each expert would have done lately, and chooses one for the window that comes. */
function createChoice(names: readonly string[]) {
  const marks = new Map(names.map((name) => [name, noMarks]));
  let chosen = names[0]!;
  let [since, upto, hours] = [0, 0, 0];
  return {
    best: () => chosen,
    learn(bucket: number, precisionOf: (expert: string) => number) {
      if (hours === 0) [since, upto] = [bucket - 1, bucket - 1];
      for (const name of names) marks.set(name, judged(marks.get(name)!, precisionOf(name), bucket - upto));
      upto = bucket;
      hours += 1;
      const standings = names.map((name) => ({
        name,
        score: scoreOf(marks.get(name)!, upto - since),
        hours,
      }));
      chosen = choose(standings, chosen)?.name ?? chosen;
    },
  };
}

/** The budget that single figures are told for: half a window's keys, or what is nearest to it. */
export const middleOf = (budgets: readonly number[]): number =>
  budgets.reduce((best, each, i) => (Math.abs(each - 0.5) < Math.abs(budgets[best]! - 0.5) ? i : best), 0);
