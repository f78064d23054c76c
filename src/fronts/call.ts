import { messageOf } from '../errors.ts';
import type { CacheClient, ReadOptions } from '../facade.ts';
import type { Callable } from '../front.ts';

export interface CallableParts {
  /** Forgets everything of the cache. */
  clear(): Promise<unknown>;
  readonly options?: ReadOptions;
}

/** A cache as the function that it keeps results of. */
export function callable<Args extends readonly unknown[], Value>(
  cache: CacheClient<Args, Value>,
  { clear, options }: CallableParts,
): Callable<Args, Value> {
  const call = (...args: Args) => cache.get(args, options) as Promise<Value>;
  return Object.assign(call, {
    invalidate: (...args: Args) => cache.delete([args]),
    async invalidateAll() {
      await clear();
    },
    stats: () => cache.stats(),
  });
}

/** What each id comes to, all at once: a result, or the Error it failed with, which fails that id alone. */
export async function each<Id, Value>(
  ids: readonly Id[],
  call: (id: Id) => Promise<Value> | Value,
): Promise<Map<Id, Value | Error>> {
  const settled = await Promise.allSettled(ids.map(async (id) => call(id)));
  return new Map(
    settled.map((one, i): [Id, Value | Error] => {
      if (one.status === 'fulfilled') return [ids[i]!, one.value];
      return [ids[i]!, one.reason instanceof Error ? one.reason : new Error(messageOf(one.reason))];
    }),
  );
}
