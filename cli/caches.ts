import type { Config } from '../src/config.ts';
import { unknownName } from '../src/config-problems.ts';
import { SamovarError } from '../src/errors.ts';

/** The one that was named, else all. E_UNKNOWN_CACHE with the nearest name. */
export function cachesAsked(config: Config, name: string | undefined): string[] {
  const known = config.caches.map((cache) => cache.name);
  if (name !== undefined && !known.includes(name))
    throw new SamovarError('E_UNKNOWN_CACHE', unknownName('cache', name, known));
  if (known.length === 0)
    throw new SamovarError('E_CONFIG', 'the configuration has no caches', {
      hints: ['define one: defineCache(...)'],
    });
  return name === undefined ? known : [name];
}
