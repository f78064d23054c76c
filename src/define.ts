import type { PoolClient } from './connect.ts';
import type { Duration } from './duration.ts';
import { SamovarError } from './errors.ts';
import type { KeyCodec } from './key.ts';
import type { Ttl } from './lifetime.ts';
import type { UpsertDef } from './upsert.ts';
import type { ValueCodec, ValueSchema } from './values.ts';

/** What background work may ask of an origin, shared by the whole fleet. */
export interface BudgetOptions {
  /** Ids loaded per second by background work. 0 stops it. @default unlimited */
  readonly perSecond?: number;
  /** Background loads under way at once. @default 4 */
  readonly concurrency?: number;
}

export interface OriginOptions {
  /** What background work may ask of it. @default unlimited, 4 loads at once */
  readonly budget?: BudgetOptions;
  /** Longest a load may take before its signal aborts and it fails. @default '10s' */
  readonly timeout?: Duration;
  /** How busy the origin is, from 0 (idle) to 1 (saturated); background loads slow down above 0.8. @default none */
  readonly probe?: (context: { readonly signal: AbortSignal }) => Promise<number>;
}

/** A system of record behind one or more caches. */
export interface OriginDef<Name extends string = string> extends OriginOptions {
  readonly kind: 'origin';
  readonly name: Name;
}

/** Why a load happens: an application waits for it, or background work does it ahead. */
export type LoadReason = 'miss' | 'warm' | 'refresh';

export interface LoadContext {
  /** Aborts when the load's time is over or its run is cancelled. */
  readonly signal: AbortSignal;
  readonly reason: LoadReason;
  /** What is stored of an id and no longer fresh, for origins that can tell whether it still holds; undefined = nothing. */
  readonly past?: (id: unknown) => Promise<unknown>;
}

export interface WriteContext<Id = unknown> {
  /** Aborts when the time of the write, the `timeout` of its origin, is over. */
  readonly signal: AbortSignal;
  /** Ids that are to be deleted, of a cache with `writeBehind`. @default none */
  readonly deleted?: readonly Id[];
  /** Of a cache with `writeBehind`: each write's place in the order of writes of its id. A row that has a later one is newer. */
  readonly versions?: ReadonlyMap<Id, number>;
  /** Of a cache with `writeBehind`: names this batch, the same when it is handed over again. */
  readonly batch?: string;
  /** Of a cache with `writeBehind`: a connection to Postgres in the transaction that ends with this call. */
  readonly client?: PoolClient;
}

/** A value that is already the JSON text to store: it passes through unparsed. See `encoded`. */
export interface Encoded<Value> {
  readonly json: string;
  /** Only for the type checker: what the text holds. */
  readonly holds?: Value;
}

export type Loaded<Id, Value> =
  | ReadonlyMap<Id, Value | Encoded<Value> | Error>
  | readonly (Value | Encoded<Value> | Error | null | undefined)[]
  | Readonly<Record<string, Value | Encoded<Value> | Error>>;

/**
 * Loads many ids in one go. Answers with a Map (a missing id is an absent entry), an array in the order of
 * the ids (null or undefined = missing), or a record by key. An Error in place of a value fails that id alone.
 */
export type Load<Id, Value> = (
  ids: Id[],
  context: LoadContext,
) => Promise<Loaded<Id, Value>> | Loaded<Id, Value>;

/** Where the keys of a warm plan come from, besides the forecast. */
export type WarmSource<Id = unknown> =
  | { readonly ids: readonly Id[] }
  | { readonly sql: string; readonly params?: readonly unknown[] }
  | { readonly from: (context: { signal: AbortSignal }) => Promise<Iterable<Id>> | Iterable<Id> }
  | { readonly tags: readonly string[] };

export interface WarmOptions<Id = unknown> {
  /** Most keys in one plan. @default 1_000 */
  readonly top?: number;
  /** How far ahead a plan looks. @default '1h' */
  readonly horizon?: Duration;
  /** Most bytes one plan may write. @default unlimited */
  readonly maxBytes?: number;
  /** Longest a run may take. @default '10m' */
  readonly maxTime?: Duration;
  /** Keys taken besides the forecast, ranked before it. @default none */
  readonly also?: readonly WarmSource<Id>[];
  /** Share of maxmemory above which a run stops rather than evict what is hot. 1 turns the guard off. @default 0.9 */
  readonly memoryMark?: number;
  /** What a second run of the same cache does while one is under way. @default 'skip' */
  readonly overlap?: 'skip' | 'queue';
}

export interface TimeoutOptions {
  /** Where a stale value is at hand: how long a fresh one is waited for before that is served. @default 0 */
  readonly soft?: Duration;
  /** Longest any reader waits; the load goes on, until its own `timeout`, for those who come later. @default none */
  readonly hard?: Duration;
}

export interface MemoryOptions {
  /** About how much the values may take that one process keeps. */
  readonly maxBytes: number;
  /** Longest a value is answered from memory; never longer than Redis holds it fresh. @default as long as it is fresh */
  readonly ttl?: Duration;
  /** Gives every reader the same value, frozen where it is plain data, instead of a copy each. @default false */
  readonly share?: boolean;
  /** Has Redis itself tell of every change of an entry, by whatever hand. Costs it a message per fill. @default false */
  readonly tracking?: boolean;
}

/** How writes are buffered before they reach the origin. */
export interface WriteBehindOptions<Id, Value> {
  /** How long a write waits for newer ones of its id. @default '1s' */
  readonly delay?: Duration;
  /** Rows handed to the origin at once. @default 500 */
  readonly batch?: number;
  /** Ids that may wait at once, about; beyond, ids that do not wait yet are held up as `whenFull` says. @default 100_000 */
  readonly maxDirty?: number;
  /** Refused rows that are kept, about; beyond, refused rows go on waiting. @default 10_000 */
  readonly maxDead?: number;
  /** When too many wait: 'block' waits for room, 'reject' fails with E_DIRTY_FULL, 'write-through' writes to the origin at once. @default 'block' */
  readonly whenFull?: 'block' | 'reject' | 'write-through';
  /** Longest wait for room. @default '5s' */
  readonly blockFor?: Duration;
  /** When a write counts as taken: 'buffer' = Redis has it, 'fsync' = it is on its disk, 'replicas:1' = so many replicas have it. @default 'buffer' */
  readonly acknowledge?: 'buffer' | 'fsync' | `replicas:${number}`;
  /** Makes one value of the present one (undefined = none) and the one written, instead of replacing it. @default replaces it */
  readonly merge?: (present: Value | undefined, written: Value, id: Id) => Value;
}

/** A table whose changes invalidate: `samovar migrate` makes triggers for it, and the application need not change. */
export interface InvalidateOn {
  /** A table of the configuration's Postgres: 'orders', or 'shop.orders'. */
  readonly table: string;
  /**
   * The column with the id, before and after the change; several make a list or an object of ids in JSON. Without it, and
   * without tags, a change invalidates all of the cache. @default none
   */
  readonly id?: string | readonly string[] | Readonly<Record<string, string>>;
  /** Tags to invalidate; `{column}` in one stands for what the row has there, before and after the change. @default none */
  readonly tags?: readonly string[];
  /** Only updates that change one of these columns, the id or a tag count. @default every update */
  readonly columns?: readonly string[];
}

export interface RefreshAheadOptions {
  /** Share of its ttl after which an entry is due; the worker has the rest of it to load it again. @default 0.8 */
  readonly at?: number;
  /** What a refresh may cost, where a miss costs 1: it is made when the chance that the key is read is above this. @default 0.7 */
  readonly refreshCost?: number;
  /** Shortest ttl of a key whose value changes often, as a share of the configured one. @default 0.1 */
  readonly min?: number;
  /** Longest ttl of a key whose value never changes, as a share of the configured one. 1 = never longer. @default 4 */
  readonly max?: number;
  /**
   * Refreshes that are due within so long of each other go into one load, of at most `batch` ids; no longer than a quarter
   * of the time between due and ended. @default a sixteenth of that time
   */
  readonly gatherFor?: Duration;
}

export interface CacheOptions<Id, Value> {
  /** Where its values come from; caches may share one. */
  readonly origin: OriginDef;
  /** Between ids and the texts that name them: `key.number`, `key.string`, `key.bigint`, `key.json()`, `key.custom({ … })`. */
  readonly key: KeyCodec<Id>;
  /** Loads many ids in one go; see `Load`. */
  readonly load: Load<Id, Value>;
  /** Writes values to the origin: a function, or `upsert({ … })`. @default nothing can be written */
  readonly write?:
    | ((entries: ReadonlyMap<Id, NoInfer<Value>>, context: WriteContext<Id>) => Promise<unknown>)
    | UpsertDef<NoInfer<Id>, NoInfer<Value>>;
  /**
   * What `set` and `delete` do besides: 'write-through' writes to the origin, then stores; 'write-around' writes to the
   * origin, then forgets; 'write-behind' buffers. @default 'write-behind' with `writeBehind`, else they change the cache alone
   */
  readonly mode?: 'write-through' | 'write-around' | 'write-behind';
  /** How writes are buffered. @default they are not */
  readonly writeBehind?: WriteBehindOptions<NoInfer<Id>, NoInfer<Value>>;
  /** How long an entry is fresh, 0 = it is not stored: a length, a function of value and id, or a policy made by `ttl.…`. */
  readonly ttl: Ttl<NoInfer<Id>, NoInfer<Value>>;
  /** How long after its ttl a value may still be served while a newer one is on its way, or cannot be had. @default 0 */
  readonly grace?: Duration;
  /** After a failed refresh: how long stale values are served before the next try. @default '10s' */
  readonly backoff?: Duration;
  /**
   * For loads that may read from a replica: how far that may lag. What is loaded so soon after a change was told
   * (an invalidation, a `set`, a write) is answered, and not kept. At most an hour. @default 0
   */
  readonly holdOff?: Duration;
  /** How long readers wait. @default stale values are served at once, others are waited for as long as their load takes */
  readonly timeouts?: TimeoutOptions;
  /** What a reader gets when the load of its id failed and no older value may be served; it is not stored. @default the error */
  readonly fallback?: (id: Id, error: Error) => NoInfer<Value> | undefined;
  /** Chance of a refresh shortly before the ttl ends, so that no reader waits for it: 1 as load times suggest, 2 earlier, 0 never. @default 1 */
  readonly earlyRefresh?: number;
  /**
   * The worker loads entries again that are likely to be read, before their ttl ends: when they are due, as a share of the
   * ttl, or more. A value that was the same again lives a tenth longer, one that changed a tenth shorter. @default none
   */
  readonly refreshAhead?: number | RefreshAheadOptions;
  /**
   * Asks the origin which of these values still hold, where that is cheaper than loading them: their ids are answered, and
   * live on without a load. For `refreshAhead`. @default they are loaded
   */
  readonly stillCurrent?: (
    old: ReadonlyMap<Id, NoInfer<Value>>,
    context: { readonly signal: AbortSignal },
  ) => Promise<Iterable<Id>> | Iterable<Id>;
  /** Share of the ttl by which entries may expire earlier, the same for a key in every process. @default 0.1 */
  readonly jitter?: number;
  /** How long a missing id is remembered as missing. 0 turns it off. @default a tenth of ttl, at most '30s' */
  readonly negativeTtl?: Duration;
  /** Missing ids remembered at once by one process. @default 10_000 */
  readonly negativeMax?: number;
  /** How values are written: as JSON (what JSON cannot hold in a typed form), msgpack, or a way of your own. @default 'json' */
  readonly codec?: 'json' | 'msgpack' | ValueCodec<NoInfer<Value>>;
  /** Stored forms longer than so many bytes are deflated, where that makes them shorter. @default never */
  readonly compressAbove?: number;
  /** What values must be like; a stored one that is not is loaded again. May turn an older shape into the present one. @default none */
  readonly schema?: ValueSchema<NoInfer<Value>>;
  /** Labels for group invalidation, computed from the loaded value. @default none */
  readonly tags?: (id: Id, value: Value) => readonly string[];
  /** Tables whose changes invalidate, without a change to the application. @default none */
  readonly invalidateOn?: InvalidateOn | readonly InvalidateOn[];
  /** Ids handed to one call of `load`. @default 500 */
  readonly batch?: number;
  /** Misses of single `get`s within so long go into one call of `load`; 0 = those of one turn. @default each by itself */
  readonly gatherFor?: Duration;
  /** Values whose form is longer than this (before it is deflated) are returned but not stored. @default 1_048_576 */
  readonly maxValueBytes?: number;
  /** Values read lately are kept in the process, too, until another process tells that they changed. @default none */
  readonly memory?: MemoryOptions;
  /** What its plans and runs are like. @default the defaults of each option */
  readonly warm?: WarmOptions<Id>;
}

/** A named cache: a family of entries with one loader, one key codec and one ttl. Plain data. */
export interface CacheDef<Name extends string = string, Id = unknown, Value = unknown>
  extends CacheOptions<Id, Value> {
  readonly kind: 'cache';
  readonly name: Name;
}

/** Any cache, whatever its ids and values: what a catalogue of caches is made of. */
// biome-ignore lint/suspicious/noExplicitAny: loaders take their id type in, values out; no single type covers both
export type AnyCacheDef = CacheDef<string, any, any>;

const nameShape = /^[a-z][a-z0-9_-]{0,62}$/i;

export function checkName(what: string, name: unknown): string {
  if (typeof name !== 'string' || !nameShape.test(name)) {
    throw new SamovarError(
      'E_CONFIG',
      `expected the name of ${what} to be a letter followed by letters, digits, '-' or '_' (at most 63), got '${String(name)}'`,
    );
  }
  return name;
}

/** Names an origin and what background work may ask of it. */
export function defineOrigin<const Name extends string>(
  name: Name,
  options: OriginOptions = {},
): OriginDef<Name> {
  checkName('an origin', name);
  return Object.freeze({ ...options, kind: 'origin', name });
}

/** Names a cache: how its ids become keys, how they are loaded and how long they stay fresh. */
export function defineCache<const Name extends string, Id, Value>(
  name: Name,
  options: CacheOptions<Id, Value>,
): CacheDef<Name, Id, Value> {
  checkName('a cache', name);
  return Object.freeze({ ...options, kind: 'cache', name });
}

class EncodedJson<Value> implements Encoded<Value> {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

/** Marks a text as the JSON form of a value, so that a loader that has text need not parse it. */
export const encoded = <Value>(json: string): Encoded<Value> => new EncodedJson<Value>(json);

export const isEncoded = (value: unknown): value is Encoded<unknown> => value instanceof EncodedJson;
