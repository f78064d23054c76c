import { classesOf } from '../history/check.ts';
import { verdictText } from '../history/story.ts';
import type { ViolationClass } from '../history/violation.ts';
import { build } from './build.ts';
import type { Mutant } from './mutants.ts';
import type { Rig, Stage } from './rig.ts';

export interface MutantResult {
  readonly isCaught: boolean;
  readonly classes: Partial<Record<ViolationClass, number>>;
  readonly text: string;
}

/** Plays a mutant's trouble with its code, and says what the checker makes of it. */
export async function tryMutant(
  rig: Rig,
  { edits, trouble, guiltyOf }: Mutant,
  onStage: (stage: Stage) => void = () => {},
): Promise<MutantResult> {
  const built = build(edits);
  try {
    const stage = await rig.stage({ folder: built.folder, flusher: { leaseMs: 600 } });
    onStage(stage);
    try {
      await trouble(stage);
      const { history, verdict } = await stage.finish({ leastOk: 0, settleMs: 4_000, drainMs: 6_000 });
      const classes = classesOf(verdict);
      return {
        classes,
        isCaught: guiltyOf.some((name) => classes[name]),
        text: verdictText(history, verdict),
      };
    } finally {
      await stage.clear();
    }
  } finally {
    built.remove();
  }
}
