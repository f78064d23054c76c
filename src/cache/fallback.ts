import type { CacheDef } from '../define.ts';
import { isSamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';

/** What the origin is to blame for; mistakes of the application are told, not covered up. */
const ofOrigins: readonly string[] = ['E_LOAD_FAILED', 'E_LOAD_TIMEOUT'];

/** Answers a reader whose load failed: with the cache's fallback where it has one, else with the error. */
export function createFallback<Id, Value>(
  { name, fallback }: CacheDef<string, Id, Value>,
  events: Emitter,
): ((id: Id, error: unknown) => Value | undefined) | undefined {
  if (fallback === undefined) return undefined;
  return (id, error) => {
    if (!isSamovarError(error) || !ofOrigins.includes(error.code)) throw error;
    events.emit('read:failed', { cache: name });
    return fallback(id, error);
  };
}
