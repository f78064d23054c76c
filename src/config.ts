import type { AnyCacheDef, OriginDef } from './define.ts';
import type { Duration } from './duration.ts';
import type { ExpertDef } from './expert.ts';
import type { AnyJobDef } from './job.ts';
import type { LogLevel } from './log.ts';
import type { ScheduleDef } from './schedule.ts';

/** Turns one parsed line of a log into an access, or nothing when it is not one. */
export type ImportMap = (line: ImportLine) => { cache: string; key: string } | undefined;

export interface ImportLine {
  readonly at: number;
  /** Path and query of a request, or the `key`/`path`/`url` column of NDJSON and CSV. */
  readonly path: string;
  readonly method?: string;
  readonly status?: number;
  readonly agent?: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** A path pattern whose `:id` part becomes the key: `'/products/:id'`. */
export interface ImportPattern {
  readonly cache: string;
  readonly path: string;
}

export interface ConfigInput<Caches extends readonly AnyCacheDef[] = readonly AnyCacheDef[]> {
  /** Redis that holds the entries; may evict. @default REDIS_URL */
  readonly redis?: string | undefined;
  /** Redis of the queue: jobs, ticks, budgets, the access log. Must not evict. @default QUEUE_REDIS_URL, else redis */
  readonly queueRedis?: string | undefined;
  /** Redis of buffered writes. Must not evict. @default BUFFER_REDIS_URL, else queueRedis */
  readonly bufferRedis?: string | undefined;
  /** Postgres of the analytics. @default DATABASE_URL */
  readonly postgres?: string | undefined;
  /** First part of every Redis key. @default 'sv' */
  readonly prefix?: string;
  /** How long a reader waits for the cache's Redis before the loader answers instead; commands and `samovar worker` wait 2 s at least. @default '250ms' */
  readonly commandTimeout?: Duration;
  /** Most invalidations kept while the cache's Redis is away; beyond, all of the cache goes. @default 10_000 */
  readonly keptInvalidations?: number;
  /** Every cache that is read or warmed by name. */
  readonly caches: Caches;
  /** Usually `[...builtinJobs, mine]`. @default none */
  readonly jobs?: readonly AnyJobDef[];
  /** What runs when. `'auto'`, alone or in the list: groups of keys are warmed before their daily rise. Those of the built-in housekeeping need no mention. @default none */
  readonly schedules?: 'auto' | readonly (ScheduleDef | 'auto')[];
  readonly access?: {
    /** Whether reads are counted at all. @default true */
    readonly record?: boolean;
    /** Who reads, unless the read says otherwise. @default 'user' */
    readonly caller?: string;
    /** Callers whose reads are demand. @default ['user', 'api'] */
    readonly demand?: readonly string[];
    /** How often counts leave the process. @default '5s' */
    readonly flushEvery?: Duration;
    /** Most keys counted between two flushes. @default 100_000 */
    readonly maxKeys?: number;
  };
  readonly forecast?: {
    /** Rules of your own, made by `defineExpert`, that are judged and chosen beside the built-in ones. @default none */
    readonly experts?: readonly ExpertDef[];
    /** Judges and offers the expert `seasonal-groups`, too; needs the package `@bsull/augurs` (optional peer). @default false */
    readonly seasonal?: boolean;
  };
  readonly retention?: {
    /** How long hourly counts are kept. @default '3d' */
    readonly buckets?: Duration;
    /** How long daily roll-ups are kept. @default '56d' */
    readonly days?: Duration;
    /** How long plans, forecasts and job runs are kept. @default '14d' */
    readonly plans?: Duration;
  };
  readonly worker?: {
    /** How long unfinished work may take to be handed back after SIGTERM. @default '20s' */
    readonly grace?: Duration;
    /** Jobs of a kind at once in one process; overrides the job's own. @default {} */
    readonly concurrency?: Readonly<Record<string, number>>;
    /** Waiting work that nobody starts for this long makes the worker unhealthy. @default '2m' */
    readonly stuckAfter?: Duration;
  };
  readonly http?: {
    /** Where a worker serves health and metrics; 0 takes any free port. @default PORT, else 7171 */
    readonly port?: number;
    /** The address it listens on. @default HOST, else '127.0.0.1' */
    readonly host?: string;
  };
  readonly log?: {
    /** debug, info, warn, error or silent. @default LOG_LEVEL, else 'info' */
    readonly level?: LogLevel;
  };
  readonly import?: {
    /** Lines of history to caches and keys. @default none */
    readonly map?: ImportMap | readonly ImportPattern[];
  };
  /** Accept a queue Redis that may evict jobs. @default false */
  readonly allowEvictingQueue?: boolean;
  /** Accept a buffer Redis that may evict writes that were acknowledged. @default false */
  readonly allowEvictingBuffer?: boolean;
}

/** The checked and frozen configuration that everything runs on. Lengths of time are milliseconds. */
export interface Config<Caches extends readonly AnyCacheDef[] = readonly AnyCacheDef[]> {
  readonly redis: string | undefined;
  readonly queueRedis: string | undefined;
  readonly bufferRedis: string | undefined;
  readonly postgres: string | undefined;
  readonly prefix: string;
  readonly commandTimeoutMs: number;
  readonly keptInvalidations: number;
  readonly caches: Caches;
  readonly origins: readonly OriginDef[];
  readonly jobs: readonly AnyJobDef[];
  readonly schedules: readonly ScheduleDef[];
  /** Whether groups of keys are warmed before their daily rise. */
  readonly auto: boolean;
  readonly access: {
    readonly record: boolean;
    readonly caller: string;
    readonly demand: readonly string[];
    readonly flushEveryMs: number;
    readonly maxKeys: number;
  };
  readonly forecast: { readonly experts: readonly ExpertDef[]; readonly seasonal: boolean };
  readonly retention: { readonly bucketsMs: number; readonly daysMs: number; readonly plansMs: number };
  readonly worker: {
    readonly graceMs: number;
    readonly concurrency: Readonly<Record<string, number>>;
    readonly stuckAfterMs: number;
  };
  readonly http: { readonly port: number; readonly host: string };
  readonly log: { readonly level: LogLevel };
  readonly import: { readonly map: ImportMap | readonly ImportPattern[] | undefined };
  readonly allowEvictingQueue: boolean;
  readonly allowEvictingBuffer: boolean;
  /** Where each server's address came from, for messages. */
  readonly sources: Readonly<Record<'redis' | 'queueRedis' | 'bufferRedis' | 'postgres', string>>;
}

/** The environment variables that are read, each beside the option it overrides. */
export const environment = {
  REDIS_URL: 'redis',
  QUEUE_REDIS_URL: 'queueRedis',
  BUFFER_REDIS_URL: 'bufferRedis',
  DATABASE_URL: 'postgres',
  LOG_LEVEL: 'log.level',
  PORT: 'http.port',
  HOST: 'http.host',
} as const;

/** Types the configuration and hands it on unread: reading, checking and freezing happen in `readConfig`. */
export const defineConfig = <const Caches extends readonly AnyCacheDef[]>(
  input: Omit<ConfigInput<Caches>, 'schedules'> & {
    readonly schedules?: 'auto' | readonly (ScheduleDef<Caches[number]['name']> | 'auto')[];
  },
): ConfigInput<Caches> => input as ConfigInput<Caches>;
