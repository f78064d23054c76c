import type { CacheDef } from '../define.ts';
import { isSamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';

/** What the origin is to blame for; mistakes of the application are told, not covered up. */
const ofOrigins: readonly string[] = ['E_LOAD_FAILED', 'E_LOAD_TIMEOUT'];

type Fallback<Id, Value> = (id: Id, error: Error) => Value | undefined;

/** Answers a reader whose load failed: with the reader's own fallback, or the cache's, where there is one, else with the error. */
export function createFallback<Id, Value>(
  { name, fallback: usual }: CacheDef<string, Id, Value>,
  events: Emitter,
): (id: Id, error: unknown, own: Fallback<Id, Value> | undefined) => Value | undefined {
  return (id, error, own = usual) => {
    if (own === undefined || !isSamovarError(error) || !ofOrigins.includes(error.code)) throw error;
    events.emit('read:failed', { cache: name });
    return own(id, error);
  };
}
