import type { Expected, Verdict } from '../history/check.ts';
import type { History } from '../history/history.ts';
import { verdictText } from '../history/story.ts';
import { poison } from './options.ts';
import type { Stage } from './rig.ts';

export interface CleanRun extends Verdict {
  /** Statements that found another one to hold a partition of theirs. */
  readonly fenced: number;
  /** Acknowledged writes that the target refuses. */
  readonly poison: number;
}

/** Ends a stage; throws the stories of what went wrong, or what there was too little of. */
export async function clean(stage: Stage, expected: Expected & { drainMs?: number }): Promise<CleanRun> {
  const { history, verdict } = await stage.finish(expected);
  if (verdict.result !== 'clean') throw new Error(verdictText(history, verdict));
  return { ...verdict, fenced: fencedOf(history), poison: poisonOf(history) };
}

const fencedOf = ({ attempts }: History): number =>
  attempts.filter(
    ({ rows, result }) =>
      result?.e === 'wrote' && rows.some(([, , partition]) => !result.held.includes(partition)),
  ).length;

const poisonOf = ({ writes }: History): number =>
  new Set(
    writes
      .filter(({ value, outcome }) => outcome === 'ok' && value?.startsWith(poison))
      .map(({ key }) => key),
  ).size;
