/** Caches in other shapes: as the functions that fill them. Types only. */
import type { CacheDef } from './define.ts';
import type { CacheStats } from './facade.ts';

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
  /** Counters of its cache in this process. */
  stats(): CacheStats;
}

/** What is asked of the web. Headers are those of `pass`. */
export interface HttpId {
  readonly url: string;
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the web answered, as it is kept. */
export type HttpAnswer = {
  /** Where it came from at last. */
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** How long it holds from when it came. */
  readonly freshMs: number;
} & (
  | {
      readonly isKept: true;
      /** What HTTP's rules of caching need to know of it. */
      readonly policy: HttpPolicy;
    }
  | { readonly isKept: false }
);

/** Opaque: what `http-cache-semantics` writes down. */
export type HttpPolicy = Readonly<Record<string, unknown>>;

export type HttpDef<Name extends string = string> = CacheDef<Name, HttpId, HttpAnswer>;

/** As `fetch`, for GET and HEAD, answered from a cache as long as the answer holds. */
export interface Fetcher {
  (
    url: string | URL,
    init?: {
      readonly method?: 'GET' | 'HEAD';
      readonly headers?: Readonly<Record<string, string>>;
      readonly signal?: AbortSignal;
    },
  ): Promise<Response>;
  /** Forgets one answer. */
  invalidate(
    url: string | URL,
    init?: { readonly method?: 'GET' | 'HEAD'; readonly headers?: Readonly<Record<string, string>> },
  ): Promise<void>;
  /** Forgets all answers. */
  invalidateAll(): Promise<void>;
  /** Counters of its cache in this process. */
  stats(): CacheStats;
}
