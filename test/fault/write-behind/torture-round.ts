import { systemClock as clock } from '../../../src/clock.ts';
import { classesOf } from '../history/check.ts';
import { verdictText } from '../history/story.ts';
import type { ViolationClass } from '../history/violation.ts';
import { allFaults, powerLoss } from './nemesis.ts';
import { progress, type Rig } from './rig.ts';

/** What came of a round, or of many. */
export interface Totals {
  readonly result: 'clean' | 'violated' | 'inconclusive';
  readonly rounds: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  readonly reads: number;
  readonly effects: number;
  readonly dead: number;
  readonly forgiven: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly violations: Partial<Record<ViolationClass, number>>;
  /** Of rounds that were not clean. */
  readonly stories: readonly string[];
}

export interface RoundOptions {
  readonly via: 'buffer' | 'jobs';
  readonly ms: number;
  readonly random: () => number;
  readonly hasPowerLoss: boolean;
}

/** Two applications and three workers under faults that come at random, until the time is over. */
export async function tortureRound(
  rig: Rig,
  { via, ms, random, hasPowerLoss }: RoundOptions,
): Promise<Totals> {
  const end = clock.elapsed() + ms;
  // A Redis that answers before it has synced may forgive itself what a kill takes; elsewhere nothing is forgiven.
  const [appendfsync, acknowledge] = hasPowerLoss
    ? (['everysec', 'buffer'] as const)
    : (['always', 'fsync'] as const);
  await rig.admin.config('SET', 'appendfsync', appendfsync);
  // For when it was killed, too.
  await rig.admin.config('REWRITE');
  const stage = await rig.stage({
    via,
    client: { callers: 8, restMs: 6, poison: via === 'buffer' ? 0.005 : 0, acknowledge },
  });
  try {
    await Promise.all([
      ...[1, 2].map(() => stage.client({ seed: Math.floor(random() * 2 ** 31) })),
      ...[1, 2, 3].map(() => stage.flusher()),
    ]);
    // Faults of the buffer's own keys mean nothing to others.
    const own = ['delete leases', 'take the index away', 'forget the cache'];
    const faults = Object.entries(allFaults).filter(([name]) => via === 'buffer' || !own.includes(name));
    let brought = 0;
    const isPowerLost = () => hasPowerLoss && via === 'buffer' && brought % 8 === 4;
    while (clock.elapsed() < end) {
      await progress(stage, 50 + Math.floor(random() * 100));
      const fault = isPowerLost() ? powerLoss : faults[Math.floor(random() * faults.length)]![1];
      await fault(stage, random);
      brought += 1;
    }
    await progress(stage, 100);
    const { history, verdict } = await stage.finish({
      leastOk: Math.min(1_000, ms / 60),
      settleMs: 5_000,
      drainMs: 60_000,
    });
    const lacks = brought < Math.min(10, ms / 5_000);
    const result = verdict.result === 'clean' && lacks ? 'inconclusive' : verdict.result;
    return {
      result,
      rounds: 1,
      acknowledged: verdict.ok,
      unknown: verdict.unknown,
      refused: verdict.refused,
      reads: verdict.reads,
      effects: verdict.effects,
      dead: verdict.dead,
      forgiven: verdict.forgiven,
      faults: verdict.faults,
      violations: classesOf(verdict),
      stories: result === 'clean' || via === 'jobs' ? [] : [verdictText(history, verdict)],
    };
  } finally {
    await stage.clear();
  }
}

const added = <Name extends string>(all: readonly Readonly<Partial<Record<Name, number>>>[]) => {
  const counts: Partial<Record<Name, number>> = {};
  for (const each of all)
    for (const [name, count] of Object.entries(each) as [Name, number][])
      counts[name] = (counts[name] ?? 0) + count;
  return counts;
};

/** One violated round is enough for a verdict; one that says nothing is not. */
export function sum(rounds: readonly Totals[]): Totals {
  const total = (of: (round: Totals) => number) => rounds.reduce((all, round) => all + of(round), 0);
  const isClean = rounds.some(({ result }) => result === 'clean');
  return {
    result: rounds.some(({ result }) => result === 'violated')
      ? 'violated'
      : isClean
        ? 'clean'
        : 'inconclusive',
    rounds: rounds.length,
    acknowledged: total((round) => round.acknowledged),
    unknown: total((round) => round.unknown),
    refused: total((round) => round.refused),
    reads: total((round) => round.reads),
    effects: total((round) => round.effects),
    dead: total((round) => round.dead),
    forgiven: total((round) => round.forgiven),
    faults: added(rounds.map(({ faults }) => faults)) as Record<string, number>,
    violations: added(rounds.map(({ violations }) => violations)),
    stories: rounds.flatMap(({ stories }) => stories),
  };
}
