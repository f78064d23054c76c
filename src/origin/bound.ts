import pLimit from 'p-limit';
import { SamovarError } from '../errors.ts';

/** Runs tasks a few at a time; beyond `waiting` of them it refuses with E_STORE_UNAVAILABLE. */
export type Bound = <T>(task: () => Promise<T>) => Promise<T>;

/** For loads that no cache protects, so that an origin is not run over while the cache Redis is away. */
export function createBound({ atOnce, waiting }: { atOnce: number; waiting: number }): Bound {
  const limit = pLimit(atOnce);
  return async (task) => {
    if (limit.pendingCount >= waiting) {
      throw new SamovarError(
        'E_STORE_UNAVAILABLE',
        `the cache Redis does not answer, and ${waiting} loads wait for the origin already`,
        { hints: ['see that the cache Redis runs and is reachable: samovar doctor'] },
      );
    }
    return limit(task);
  };
}
