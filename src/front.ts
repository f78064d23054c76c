/** Caches in other shapes: as the functions that fill them. Types only. */
import type { CacheDef } from './define.ts';

declare const calls: unique symbol;

/** A cache whose ids are lists of arguments, so that it can be called like the function that fills it. */
export interface FunctionDef<Name extends string, Args extends readonly unknown[], Value>
  extends CacheDef<Name, Args, Value> {
  /** Only for the type checker. */
  readonly [calls]: (...args: Args) => Promise<Value>;
}

/** A function whose results are kept in its cache. */
export interface Callable<Args extends readonly unknown[], Value> {
  (...args: Args): Promise<Value>;
  /** Forgets the result of one list of arguments; what is under way cannot bring it back. */
  invalidate(...args: Args): Promise<void>;
  /** Forgets all results. */
  invalidateAll(): Promise<void>;
}
