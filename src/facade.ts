/** What an application and the commands hold in their hands: types only. */
import type { CacheClient, ReadOptions } from './cache-client.ts';
import type { Collected, Transaction, TransactionClient, TransactionPool } from './collected.ts';
import type { Config } from './config.ts';
import type { AnyCacheDef, CacheDef } from './define.ts';
import type { Duration } from './duration.ts';
import type { Emitter } from './events.ts';
import type { Callable, Fetcher, FunctionDef, HttpDef } from './front.ts';
import type { AnyJobDef, PayloadOf } from './job.ts';
import type {
  Explanation,
  ImportOptions,
  ImportSummary,
  PlanQuestion,
  ScheduleView,
  ServerFacts,
  Status,
  WarmRequest,
  Working,
  WorkOptions,
} from './operating.ts';
import type { DeadWrite, DirtyLedger, FlushReport, Plan, Run } from './rooms.ts';
import type { Foreseen } from './when.ts';

export type * from './cache-client.ts';
export type * from './operating.ts';

export interface EnqueueOptions {
  /** Names the work: a second one of the same name is not added while the first is remembered (10 minutes). */
  readonly once?: string;
  readonly delay?: Duration;
}

/** What is to be forgotten: of one cache, by tags across caches, by a table that caches depend on, or several of these. */
// biome-ignore lint/suspicious/noExplicitAny: with a definition the ids are its own; without one they are anybody's
export interface InvalidateRequest<Id = any, Name extends string = string> {
  readonly cache?: Pick<CacheDef<Name, Id>, 'kind' | 'name' | 'key'> | Name | undefined;
  readonly ids?: readonly Id[] | undefined;
  /** Texts of keys, beside or instead of ids. */
  readonly keys?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  /** As `invalidateOn` and `tables` name it. */
  readonly table?: string | undefined;
  /** Everything of the cache, at the cost of one key. */
  readonly all?: boolean | undefined;
  /** 'purge': gone at once; 'expire': stale, and served so where a cache has grace. @default 'expire' with `rewarm`, else 'purge' */
  readonly mode?: 'purge' | 'expire' | undefined;
  /** A worker loads the hot ones again, hottest first and within the budget; the others are forgotten. @default false */
  readonly rewarm?: boolean | undefined;
}

/** A payload whose `cache` can only be one of the configured names. */
type WithCache<Payload, Name extends string> = string extends keyof Payload
  ? Payload
  : Payload extends { readonly cache: string }
    ? Omit<Payload, 'cache'> & { readonly cache: Name }
    : Payload extends { readonly cache?: string | undefined }
      ? Omit<Payload, 'cache'> & { readonly cache?: Name }
      : Payload;

/** What an application needs: reads, invalidation, enqueueing. It never opens Postgres. */
export interface Client<Caches extends readonly AnyCacheDef[] = readonly AnyCacheDef[]> {
  readonly config: Config<Caches>;
  readonly events: Pick<Emitter, 'on'>;
  cache<Name extends string, Id, Value>(def: CacheDef<Name, Id, Value>): CacheClient<Id, Value>;
  /** A cache made by `memoize` or `query` as an async function. Reads by it have the `caller` of the options. */
  callable<Name extends string, Args extends readonly unknown[], Value>(
    def: FunctionDef<Name, Args, Value>,
    options?: Pick<ReadOptions, 'caller'>,
  ): Callable<Args, Value>;
  /** A cache made by `http` as a function like `fetch`. */
  fetcher(def: HttpDef, options?: Pick<ReadOptions, 'caller'>): Fetcher;
  /**
   * By ids of one cache, by tags across caches, all of one cache, or several of these. What Redis does not accept is
   * kept in this process and carried out when it is back; meanwhile those entries are not read here.
   */
  invalidate<Id>(what: InvalidateRequest<Id, Caches[number]['name']>): Promise<{
    readonly keys: number;
    readonly tags: number;
    /** Jobs that load the hot ones again, with `rewarm`. */
    readonly jobs: readonly string[];
  }>;
  /**
   * Writes an invalidation down in the caller's own transaction: carried out by a worker once that has committed, whatever
   * becomes of this process or of Redis, and never if it is rolled back. Any client of the configuration's Postgres will do.
   */
  invalidateIn<Id>(
    client: TransactionClient,
    what: InvalidateRequest<Id, Caches[number]['name']>,
  ): Promise<void>;
  /** Remembers invalidations until somebody says that their transaction has committed: for clients of any kind. */
  collect(): Collected<InvalidateRequest>;
  /**
   * Runs the work in one transaction of a pool of pg. What it invalidates through `tx` is carried out after COMMIT, and
   * forgotten with what is rolled back, savepoints included.
   */
  transaction<Own extends TransactionClient, Result>(
    pool: TransactionPool<Own>,
    work: (tx: Transaction<Own, InvalidateRequest>) => Promise<Result>,
  ): Promise<Result>;
  /** Adds a job and answers with its id. Fails at once when the queue is away. */
  enqueue<Job extends AnyJobDef>(
    job: Job,
    payload: WithCache<PayloadOf<Job>, Caches[number]['name']>,
    options?: EnqueueOptions,
  ): Promise<string>;
  /** Sends the counted accesses on their way now, not at the next flush. */
  flushAccesses(): Promise<void>;
  stop(): Promise<void>;
}

/** Everything: an application's client, and what workers and operators need besides. */
export interface Samovar<Caches extends readonly AnyCacheDef[] = readonly AnyCacheDef[]>
  extends Client<Caches> {
  /** What would be warmed, and why. Writes nothing. */
  plan(cache: Caches[number]['name'], question?: PlanQuestion): Promise<Plan>;
  /** By when which groups of keys of each cache are to be warm, and the slots in which `schedules: 'auto'` would load them. Writes nothing. */
  when(question?: { readonly at?: number }): Promise<Foreseen[]>;
  /** Why one key is warmed, or is not. Writes nothing. E_KEY for a text that is no key of that cache. */
  explain(cache: Caches[number]['name'], key: string): Promise<Explanation>;
  /**
   * Plans and starts a run: its chunks are enqueued for whoever works `warm` jobs. Answers with the run's number,
   * or with the number of the one that is already under way. `run: undefined` = nothing needed warming.
   */
  warm(
    cache: Caches[number]['name'],
    request?: WarmRequest,
  ): Promise<
    { readonly run: number | undefined; readonly plan: Plan['totals'] } | { readonly running: number }
  >;
  readonly runs: {
    list(options?: { cache?: string; limit?: number }): Promise<Run[]>;
    get(run: number): Promise<Run | undefined>;
    /** E_UNKNOWN_RUN when there is none, or it has ended. */
    pause(run: number): Promise<Run>;
    resume(run: number): Promise<Run>;
    cancel(run: number): Promise<Run>;
  };
  readonly schedules: {
    list(next?: number): Promise<ScheduleView[]>;
    pause(name: string): Promise<void>;
    resume(name: string): Promise<void>;
    /** Enqueues it now; answers with the job's id. */
    run(name: string): Promise<string>;
  };
  readonly budget: {
    get(origin: string): Promise<{ perSecond?: number; concurrency: number; factor: number }>;
    /** Changes the limits of the whole fleet at once, until changed again. perSecond 0 stops background loads. */
    set(origin: string, limits: { perSecond?: number; concurrency?: number }): Promise<void>;
  };
  /** Buffered writes, by caches that have `writeBehind`: E_USAGE for the others. */
  readonly writes: {
    caches(): string[];
    ledger(cache: string): Promise<DirtyLedger>;
    /** Which part of the buffer a key is in. */
    partitionOf(key: string): number;
    /** Carries over all that is dirty, in this process, as far as the origin takes it now. */
    flush(cache: string): Promise<FlushReport>;
    /** Writes that the origin refused, newest first, without their values. */
    dead(cache: string, options?: { most?: number }): Promise<DeadWrite[]>;
    /** One of them with its value; none = the id was to be deleted. */
    show(cache: string, key: string): Promise<(DeadWrite & { readonly value?: unknown }) | undefined>;
    /** Makes them dirty again, unless a newer write of the key is; all without `keys`. Answers how many there were. */
    retry(cache: string, keys?: readonly string[]): Promise<number>;
    /** Gives them up for good. */
    drop(cache: string, keys?: readonly string[]): Promise<number>;
  };
  readonly jobRuns: {
    list(options?: { job?: string; limit?: number }): Promise<
      {
        job: string;
        jobId: string;
        schedule?: string;
        startedAt: number;
        endedAt?: number;
        outcome?: string;
        result?: unknown;
        error?: string;
      }[]
    >;
  };
  readonly schema: {
    status(): Promise<{
      readonly version: number;
      readonly needs: number;
      readonly applied: readonly { version: number; name: string; appliedAt: number; isChanged: boolean }[];
      readonly pending: readonly { version: number; name: string }[];
      /** Tables that `invalidateOn` names, or did; `left` = none does any more. E_SCHEMA for one that is not there. */
      readonly triggers: readonly {
        readonly table: string;
        readonly state: 'ok' | 'missing' | 'changed' | 'left';
      }[];
    }>;
    migrate(options?: { dryRun?: boolean }): Promise<{
      readonly applied: readonly { version: number; name: string }[];
      readonly triggers: readonly { readonly table: string; readonly state: string }[];
    }>;
    sql(): Promise<string>;
  };
  readonly history: {
    /** Reads history from a file, or from standard input for '-', into the buckets. All of it counts, or nothing: E_IMPORT. */
    importFile(path: string, options?: ImportOptions): Promise<ImportSummary>;
  };
  /** The fate of an enqueued job; resolves when it has ended. */
  waitFor(
    job: AnyJobDef | string,
    id: string,
    options?: { timeout?: Duration; signal?: AbortSignal },
  ): Promise<unknown>;
  /** Works jobs in this process. E_SCHEMA, E_QUEUE_EVICTS or an unavailable server end it before it starts. */
  work(options?: WorkOptions): Promise<Working>;
  /**
   * The metrics of this process as Prometheus reads them, for an application that serves them itself. What caches read
   * is counted since they were opened, events since this was first called.
   */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  status(): Promise<Status>;
  servers(): Promise<ServerFacts[]>;
}
