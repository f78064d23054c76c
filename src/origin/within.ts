import { AsyncLocalStorage } from 'node:async_hooks';
import { SamovarError } from '../errors.ts';

/** A call of a loader, and the call that it was made from. */
interface Loading {
  readonly cache: string;
  readonly keys: readonly string[];
  readonly outer: Loading | undefined;
  isOver: boolean;
}

const loading = new AsyncLocalStorage<Loading>();
let underWay = 0;

/** Calls a loader so that what it asks for itself can be told from what others ask for. */
export async function whileLoading<T>(
  cache: string,
  keys: readonly string[],
  load: () => Promise<T> | T,
): Promise<T> {
  let outer = loading.getStore();
  // What has ended waits for nothing, and is not to be held on to.
  while (outer?.isOver) outer = outer.outer;
  const own: Loading = { cache, keys, outer, isOver: false };
  underWay += 1;
  try {
    return await loading.run(own, load);
  } finally {
    own.isOver = true;
    underWay -= 1;
    // Older Node pays for every promise of the process as long as contexts are followed.
    if (underWay === 0) loading.disable();
  }
}

/** Whether the asker is a loader, or was called by one that has not ended. */
export function isWithinLoad(): boolean {
  return underWay > 0 && loading.getStore()?.isOver === false;
}

/** E_LOAD_LOOP when the asker is the load of this very key, which would wait for itself. */
export function loopOf(cache: string, key: string): SamovarError | undefined {
  if (underWay === 0) return undefined;
  for (let each = loading.getStore(); each !== undefined; each = each.outer) {
    if (!each.isOver && each.cache === cache && each.keys.includes(key)) {
      return new SamovarError('E_LOAD_LOOP', `\`caches.${cache}.load\` asks for a key that it is loading`, {
        hints: ['read it from its origin there; other keys and other caches may be asked for'],
      });
    }
  }
  return undefined;
}
