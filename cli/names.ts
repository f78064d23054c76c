import type { Config } from '../src/config.ts';
import { unknownName } from '../src/config-problems.ts';
import type { OriginDef } from '../src/define.ts';
import { isSamovarError, SamovarError } from '../src/errors.ts';

/** The error for a name that is not there, with the one that was meant and those there are. */
export function unknown(
  code: 'E_UNKNOWN_CACHE' | 'E_UNKNOWN_JOB' | 'E_UNKNOWN_SCHEDULE' | 'E_USAGE',
  what: string,
  name: string,
  known: readonly string[],
): SamovarError {
  const told = unknownName(what, name, known);
  const isListed = told.includes('Known: ');
  return new SamovarError(code, told, { hints: isListed ? [] : [`known: ${known.join(', ')}`] });
}

/** The one that was named, else all. E_UNKNOWN_CACHE with the nearest name. */
export function cachesAsked(config: Config, name: string | undefined): string[] {
  const known = config.caches.map((cache) => cache.name);
  if (name !== undefined && !known.includes(name)) throw unknown('E_UNKNOWN_CACHE', 'cache', name, known);
  if (known.length === 0)
    throw new SamovarError('E_CONFIG', 'the configuration has no caches', {
      hints: ['define one: defineCache(...)'],
    });
  return name === undefined ? known : [name];
}

/** As `cachesAsked`, of those that buffer their writes. E_USAGE where there are none. */
export function bufferedAsked(config: Config, name: string | undefined): string[] {
  const buffered = config.caches
    .filter(({ writeBehind }) => writeBehind !== undefined)
    .map((def) => def.name);
  const asked = cachesAsked(config, name).filter((each) => buffered.includes(each));
  if (asked.length > 0) return asked;
  throw new SamovarError(
    'E_USAGE',
    name === undefined ? 'no cache buffers its writes' : `cache '${name}' does not buffer its writes`,
    { hints: ["buffer them: writeBehind: { delay: '1s' }"] },
  );
}

/** Keys as an operator wrote them, seen to be keys of that cache. E_KEY names the first that is not. */
export function checkKeys(config: Config, cache: string, keys: readonly string[]): void {
  const def = config.caches.find(({ name }) => name === cache);
  for (const key of keys) {
    try {
      def?.key.encode(def.key.decode(key));
    } catch (error) {
      if (!isSamovarError(error)) throw error;
      throw new SamovarError(error.code, `cache '${cache}': ${error.message}`, {
        hints: error.hints,
        cause: error,
      });
    }
  }
}

/** The origin of that name. E_USAGE with the nearest name. */
export function originAsked(config: Config, name: string): OriginDef {
  const origin = config.origins.find((each) => each.name === name);
  if (origin) return origin;
  const known = config.origins.map((each) => each.name);
  throw unknown('E_USAGE', 'origin', name, known);
}
