import type { Store } from '../store/store.ts';
import type { Reader } from './form.ts';
import type { Judge } from './judge.ts';

/** What is stored of a key, fresh or stale, for a loader that can ask its origin whether it still holds. */
export function createPast(
  cache: string,
  { store, judge, reader }: { readonly store: Store; readonly judge: Judge; readonly reader: Reader },
): (key: string) => Promise<unknown> {
  return async (key) => {
    try {
      const [bytes] = await store.getMany(cache, [key]);
      if (bytes === undefined) return undefined;
      const judged = await judge.one(bytes);
      return judged === 'alive' || judged === 'stale' ? await reader.fromEntry(bytes) : undefined;
    } catch {
      // The store is away or the entry is of no use: both were told of on the way here.
      return undefined;
    }
  };
}
