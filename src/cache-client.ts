/** One named cache as applications hold it in their hands: types only. */
import type { Duration } from './duration.ts';

// biome-ignore lint/suspicious/noExplicitAny: without a cache, the options of a read of any
export interface ReadOptions<Id = any, Value = any> {
  /** Who reads: 'user', 'api', 'job', 'bot' or a word of your own. @default config.access.caller */
  readonly caller?: string;
  /** Aborts the wait of this caller, who gets the signal's reason; a load under way goes on for the others. */
  readonly signal?: AbortSignal;
  /** How long past its freshness a value may be and still be served. 0 = never stale. @default the cache's grace */
  readonly maxStale?: Duration;
  /** What this reader gets when the load of an id failed or was late; it is not stored. @default the cache's `fallback` */
  readonly fallback?: (id: Id, error: Error) => Value | undefined;
}

export interface SetOptions {
  /** @default the cache's ttl */
  readonly ttl?: Duration;
  /** Only for caches that have `tags`. @default what those say of the value */
  readonly tags?: readonly string[];
  /**
   * Names the write: asked for again under that name, of an E_INDETERMINATE or your own (22 letters, digits, '-' or '_' at
   * most), it counts once for an id, whatever was written since. @default a write of its own
   */
  readonly operation?: string;
}

/** Counters of one cache in this process, since it was opened. */
export interface CacheStats {
  /** Reads that found a fresh value. */
  readonly hits: number;
  /** Reads that were served a stale value. */
  readonly stale: number;
  /** Reads that found that there is no such id. */
  readonly negatives: number;
  readonly misses: number;
  /** Calls of `load`, and those of them that failed. */
  readonly loads: number;
  readonly loadErrors: number;
  /** Refreshes that readers began before or after the end of freshness. */
  readonly refreshes: number;
  /** Values and entries that were not used or not stored, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** What each tier answered. */
  readonly tiers: {
    /** Where it keeps something in memory: reads answered there (of missing ids, too), and what it holds now. */
    readonly memory?: { readonly hits: number; readonly entries: number; readonly bytes: number };
    readonly redis: Pick<CacheStats, 'hits' | 'stale' | 'negatives' | 'misses'>;
  };
}

/** What became of one id among many. */
export type Settled<Value> =
  | { readonly state: 'value'; readonly value: Value }
  | { readonly state: 'missing' }
  | { readonly state: 'error'; readonly error: unknown };

/** One named cache, typed by its definition. */
export interface CacheClient<Id, Value> {
  readonly name: string;
  /** The value; undefined when the origin has none. */
  get(id: Id, options?: ReadOptions<Id, Value>): Promise<Value | undefined>;
  /** The values that exist, in the order of the ids. */
  getMany(ids: readonly Id[], options?: ReadOptions<Id, Value>): Promise<Map<Id, Value>>;
  /** What became of each id, in their order; one that fails does not fail the others. */
  getSettled(ids: readonly Id[], options?: ReadOptions<Id, Value>): Promise<Map<Id, Settled<Value>>>;
  /** Whether a read would be answered without a load. Counts as no access. */
  has(id: Id): Promise<boolean>;
  /**
   * Writes a value, where the cache has a `mode` as that says: E_WRITE_FAILED of the origin; E_DIRTY_FULL,
   * E_BUFFER_UNAVAILABLE or E_INDETERMINATE of the buffer. Else to the cache alone; no load that is under way can write over it. Undefined is remembered as missing. While Redis is away
   * the value is not stored, and the older one is deleted as `delete` does it.
   */
  set(id: Id, value: Value, options?: SetOptions): Promise<void>;
  /**
   * Writes a value through to the origin, by the cache's `write`, then forgets the entry: no load that began before can
   * bring the old value back, and the next read gets what the origin made of it. E_WRITE_FAILED.
   */
  write(id: Id, value: Value): Promise<void>;
  /** Writes many values, as `set`; rejects with the first failure when all have ended. */
  setMany(entries: ReadonlyMap<Id, Value>, options?: SetOptions): Promise<void>;
  /**
   * With `writeBehind`: makes a new value of the present one, which is called again when somebody wrote in between.
   * Answers with what was written, or, when that operation was done before, with what there is now; undefined from `make`
   * writes nothing.
   */
  update(
    id: Id,
    make: (present: Value | undefined) => Value | undefined | Promise<Value | undefined>,
    options?: Pick<SetOptions, 'operation'>,
  ): Promise<Value | undefined>;
  /** With `writeBehind`, for values that are numbers: adds, whoever else adds at the same time. Answers with the sum. */
  increment(id: Id, by?: number, options?: Pick<SetOptions, 'operation'>): Promise<number>;
  /** Plain counters of this process. */
  stats(): CacheStats;
  /**
   * Where the cache has a `mode`, deletes ids in the origin as that says. Else, and besides, removes entries; a load under way cannot bring the old value back. While Redis is away the deletion is kept in this
   * process (`invalidation:kept`), carried out when Redis is back, and the key is not read from the cache meanwhile.
   */
  delete(ids: Id | readonly Id[], options?: Pick<SetOptions, 'operation'>): Promise<void>;
}
