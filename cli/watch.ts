import { SamovarError } from '../src/errors.ts';
import type { Samovar } from '../src/facade.ts';
import type { Run } from '../src/rooms.ts';
import type { CliContext } from './context.ts';
import { isEnded, progressText } from './runs-text.ts';

const lookEveryMs = 250;

/** Shows a run's progress until it has ended, or until a signal. E_UNKNOWN_RUN. */
export async function watchRun(context: CliContext, samovar: Samovar, id: number): Promise<Run> {
  const { clock, output, signal } = context;
  const progress = output.progress();
  try {
    for (;;) {
      const run = await samovar.runs.get(id);
      if (run === undefined)
        throw new SamovarError('E_UNKNOWN_RUN', `there is no run ${id}`, { hints: ['see: samovar runs'] });
      if (isEnded(run) || signal.aborted) return run;
      progress.show(progressText(run));
      await clock.sleep(lookEveryMs, signal);
    }
  } finally {
    progress.end();
  }
}
