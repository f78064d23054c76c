import type { Clock } from '../../src/clock.ts';
import type { Output } from '../output.ts';

export interface Step {
  readonly name: string;
  readonly ms: number;
}

/** What a command does one after the other, each with a line when it is done. */
export interface Steps {
  readonly taken: readonly Step[];
  /** Rejects as the work does, after a line that says where it stopped; before it begins when the signal aborted. */
  take<Result>(
    name: string,
    work: (show: (text: string) => void) => Promise<Result>,
    tell: (result: Result) => string,
  ): Promise<Result>;
}

const showEveryMs = 100;

export function createSteps(output: Output, clock: Clock, signal: AbortSignal): Steps {
  const taken: Step[] = [];
  const { color } = output;
  return {
    taken,
    async take(name, work, tell) {
      signal.throwIfAborted();
      const progress = output.progress();
      const from = clock.elapsed();
      let shownAt = Number.NEGATIVE_INFINITY;
      const show = (text: string) => {
        if (clock.elapsed() - shownAt < showEveryMs) return;
        shownAt = clock.elapsed();
        progress.show(`… ${name.padEnd(22)} ${text}`);
      };
      show('');
      try {
        const result = await work(show);
        const ms = clock.elapsed() - from;
        taken.push({ name, ms });
        progress.end();
        const seconds = `${(ms / 1_000).toFixed(1)} s`;
        output.note(
          `${color.green('✔')} ${name.padEnd(22)} ${tell(result).padEnd(60)} ${color.dim(seconds)}`,
        );
        return result;
      } catch (error) {
        progress.end();
        if (!signal.aborted) output.note(`${color.red('✖')} ${name}`);
        throw error;
      }
    },
  };
}
