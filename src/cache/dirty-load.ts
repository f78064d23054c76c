import { type AnyCacheDef, encoded } from '../define.ts';
import type { Dirty } from '../dirty/dirty.ts';
import { isSamovarError, messageOf, SamovarError } from '../errors.ts';
import type { Loader, LoadResult } from '../origin/load.ts';
import type { Reader } from './form.ts';

/**
 * Loads what is dirty from the buffer, and the rest from the origin, which does not have the newest value of those. Whoever
 * loads holds the lease of the key already: a write that comes later takes that away, so no older value is stored over it.
 */
export function withDirty(
  load: Loader,
  { def, dirty, reader }: { def: AnyCacheDef; dirty: Pick<Dirty, 'read'>; reader: Reader },
): Loader {
  return async (request) => {
    let found: Awaited<ReturnType<Dirty['read']>>;
    try {
      found = await dirty.read(def.name, request.keys);
    } catch (error) {
      if (!isSamovarError(error)) throw error;
      // The origin may have an older value than the one that was acknowledged: none is better.
      return { ...nothing(request.keys.length), errors: new Map(request.keys.map((_, i) => [i, error])) };
    }
    const clean = [...found.keys()].filter((i) => found[i] === undefined);
    if (clean.length === found.length) return load(request);
    const loaded =
      clean.length === 0
        ? nothing(0)
        : await load({
            ...request,
            ids: clean.map((i) => request.ids[i]),
            keys: clean.map((i) => request.keys[i]!),
          });
    const values: unknown[] = new Array(found.length);
    const errors = new Map<number, SamovarError>();
    clean.forEach((position, i) => {
      values[position] = loaded.values[i];
      const error = loaded.errors.get(i);
      if (error) errors.set(position, error);
    });
    for (const [i, entry] of found.entries()) {
      if (entry?.form === undefined) continue;
      const { body, flags } = entry.form;
      try {
        values[i] = flags === 0 ? encoded(String(body)) : await reader.read(entry.form);
      } catch (error) {
        const why = `a dirty value of caches.${def.name} cannot be read: ${messageOf(error)}`;
        errors.set(i, new SamovarError('E_ENCODE', why, { cause: error }));
      }
    }
    return { ...loaded, values, errors };
  };
}

const nothing = (keys: number): LoadResult => ({
  values: new Array(keys),
  errors: new Map(),
  isAborted: false,
  asked: 0,
  ms: 0,
});
