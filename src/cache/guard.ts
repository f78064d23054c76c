import { SamovarError } from '../errors.ts';
import type { CacheClient, ReadOptions } from '../facade.ts';
import { isWithinLoad } from '../origin/within.ts';

/** Whether the process is still to serve. */
export interface Life {
  isOver: boolean;
}

const stopped = (): SamovarError =>
  new SamovarError('E_STOPPED', 'this Samovar has been stopped', { hints: ['stop it last'] });

/** A cache as it is handed out: it says so when it has been stopped, and lets a caller leave who no longer waits. */
export function guarded<Id, Value>(cache: CacheClient<Id, Value>, life: Life): CacheClient<Id, Value> {
  const serve = <T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    // What is being loaded may ask for more until it has ended.
    if (life.isOver && !isWithinLoad()) return Promise.reject(stopped());
    if (signal === undefined) return work();
    if (signal.aborted) return Promise.reject(signal.reason);
    return unlessAborted(signal, work());
  };
  const getFor = (id: Id, options: ReadOptions<Id, Value> | undefined) =>
    serve(options?.signal, () => cache.get(id, options));
  return {
    ...cache,
    // The way of most reads, without a closure, and so without room for what one would hold.
    get: (id, options) => (options === undefined && !life.isOver ? cache.get(id) : getFor(id, options)),
    getMany: (ids, options) => serve(options?.signal, () => cache.getMany(ids, options)),
    getSettled: (ids, options) => serve(options?.signal, () => cache.getSettled(ids, options)),
    has: (id) => serve(undefined, () => cache.has(id)),
    set: (id, value, options) => serve(undefined, () => cache.set(id, value, options)),
    write: (id, value) => serve(undefined, () => cache.write(id, value)),
    setMany: (entries, options) => serve(undefined, () => cache.setMany(entries, options)),
    update: (id, make, options) => serve(undefined, () => cache.update(id, make, options)),
    increment: (id, by, options) => serve(undefined, () => cache.increment(id, by, options)),
    delete: (ids, options) => serve(undefined, () => cache.delete(ids, options)),
  };
}

function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
