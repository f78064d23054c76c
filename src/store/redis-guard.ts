import { isLate, type Watch } from '../connect.ts';
import { isSamovarError, messageOf, SamovarError } from '../errors.ts';
import { storeFull } from './store.ts';

export type Guarded = ReturnType<typeof createGuarded>;

/** Answers with the reply of a command, or throws what is said of a store that failed; `watch` is told which. */
export const createGuarded =
  (watch: Watch = unwatched) =>
  async <T>(reply: Promise<T>): Promise<T> => {
    try {
      const told = await reply;
      watch.ok();
      return told;
    } catch (error) {
      throw failure(error, watch);
    }
  };

/** What is said of a command that failed; `watch` is told. */
export function failure(error: unknown, watch: Watch = unwatched): SamovarError {
  const told = storeError(error);
  if (isFull(told)) watch.ok();
  else watch.failed(isLate(error));
  return told;
}

const unwatched: Watch = { ok() {}, failed() {} };

export const isFull = (error: unknown): boolean => isSamovarError(error) && error.code === 'E_STORE_FULL';

function storeError(error: unknown): SamovarError {
  const reason = messageOf(error);
  if (/^OOM\b/.test(reason)) return storeFull(error);
  return new SamovarError('E_STORE_UNAVAILABLE', `the cache Redis does not answer: ${reason}`, {
    hints: [
      /^(MOVED|ASK|CLUSTERDOWN|CROSSSLOT)\b/.test(reason)
        ? 'it is a node of a Redis Cluster: give the cache a Redis that is none'
        : 'see that it runs and is reachable: samovar doctor',
    ],
    cause: error,
  });
}
