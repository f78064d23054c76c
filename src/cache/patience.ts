import { type Clock, nextTurn } from '../clock.ts';
import { SamovarError } from '../errors.ts';

/** Waits for an answer of the store as long as is left of one reader's patience; then E_STORE_UNAVAILABLE. */
export type Patience = <T>(answer: Promise<T>, askedAt: number) => Promise<T>;

/** Of the whole patience: for a question of a process that stood still. */
const shareAfterwards = 0.1;

/**
 * However often a read has to ask the store, it waits for it no longer than one command may take. What a process that
 * stood still finds answered when it goes on has been answered in time; nothing of its patience is left then, which was not
 * the store's doing, and so the next question has some of its own.
 */
export function createPatience(clock: Clock, ms: number): Patience {
  if (ms === Number.POSITIVE_INFINITY) return (answer) => answer;
  return (answer, askedAt) =>
    new Promise((resolve, reject) => {
      const left = askedAt + ms - clock.elapsed();
      const timer = clock.after(
        left > 0 ? left : ms * shareAfterwards,
        () => void nextTurn().then(() => reject(late(ms))),
      );
      answer.then(resolve, reject).finally(() => timer.stop());
    });
}

const late = (ms: number): SamovarError =>
  new SamovarError('E_STORE_UNAVAILABLE', `the cache Redis has not answered a read within ${ms} ms`, {
    hints: ['find what keeps it busy: samovar doctor; or raise `commandTimeout`'],
  });
