import { type Clock, nextTurn } from '../clock.ts';
import { SamovarError } from '../errors.ts';

/** Waits for an answer of the store as long as is left of one reader's patience; then E_STORE_UNAVAILABLE. */
export type Patience = <T>(answer: Promise<T>, askedAt: number) => Promise<T>;

/** Of the whole patience, what a further question has at least. */
const leastShare = 0.1;

/**
 * However often a read has to ask the store, it waits for it hardly longer than one command may take. What a process that
 * stood still finds answered when it goes on has been answered in time.
 */
export function createPatience(clock: Clock, ms: number): Patience {
  if (ms === Number.POSITIVE_INFINITY) return (answer) => answer;
  return (answer, askedAt) =>
    new Promise((resolve, reject) => {
      const left = Math.max(ms * leastShare, askedAt + ms - clock.elapsed());
      const timer = clock.after(left, () => void nextTurn().then(() => reject(late(ms))));
      answer.then(resolve, reject).finally(() => timer.stop());
    });
}

const late = (ms: number): SamovarError =>
  new SamovarError('E_STORE_UNAVAILABLE', `the cache Redis has not answered a read within ${ms} ms`, {
    hints: ['find what keeps it busy: samovar doctor; or raise `commandTimeout`'],
  });
