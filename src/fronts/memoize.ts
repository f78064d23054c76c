import { type CacheOptions, defineCache } from '../define.ts';
import { SamovarError } from '../errors.ts';
import type { FunctionDef } from '../front.ts';
import type { KeyCodec } from '../key.ts';
import { argumentKey } from './arguments.ts';
import { each } from './call.ts';

/** As those of `defineCache`; the function is the loader, and its arguments are the id. */
export interface MemoizeOptions<Args extends readonly unknown[], Value>
  extends Omit<CacheOptions<Args, Value>, 'load' | 'key'> {
  /** How lists of arguments become keys, and back. @default plain data of any kind, names of properties in any order */
  readonly key?: KeyCodec<Args>;
  /** Calls of the function at once, for one reader or worker four times as many. @default 4 */
  readonly batch?: number;
}

/** A cache of what an async function gives. Call it through `samovar.callable`; workers warm it like any other. */
export function memoize<const Name extends string, Args extends readonly unknown[], Value>(
  name: Name,
  fn: (...args: Args) => Promise<Value> | Value,
  options: MemoizeOptions<Args, Value>,
): FunctionDef<Name, Args, Value> {
  if (typeof fn !== 'function')
    throw new SamovarError('E_CONFIG', `expected a function to memoize as '${name}', got ${typeof fn}`);
  return defineCache<Name, Args, Value>(name, {
    batch: 4,
    // What a function gives is a result, undefined too.
    ...(typeof options.ttl === 'object' || typeof options.ttl === 'function'
      ? {}
      : { negativeTtl: options.ttl }),
    ...options,
    key: options.key ?? argumentKey<Args>(`'${name}'`),
    load: (lists) => each<Args, Value>(lists, (args) => fn(...args)),
  }) as FunctionDef<Name, Args, Value>;
}
