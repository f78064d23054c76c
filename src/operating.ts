/** What operators ask, and what they are told: types only. */
import type { Duration } from './duration.ts';
import type {
  Choice,
  DirtyLedger,
  ForecastRow,
  LeftOut,
  Look,
  PastRow,
  PlanRow,
  Run,
  Scorecard,
  Standing,
  Trigger,
} from './rooms.ts';

export interface ImportOptions {
  /** Every line is a read of this cache; the key is its key column, or its path. @default config.import.map */
  readonly cache?: string;
  /** @default what the first lines look like */
  readonly format?: ImportFormat;
  /** Share of unreadable lines above which nothing is imported, once 1,000 lines were read. @default 0.1 */
  readonly maxBad?: number;
  /** Counts it although it was imported before. @default false */
  readonly again?: boolean;
  readonly signal?: AbortSignal;
  /** Called often: with every piece of the file that has been read. */
  readonly onProgress?: (progress: ImportProgress) => void;
}

/** `log`: nginx or Apache, common or combined; `ndjson`: a JSON object a line; `csv`: with a header line. */
export type ImportFormat = 'log' | 'ndjson' | 'csv';

export interface ImportProgress {
  readonly doing: 'reading' | 'merging';
  /** Of the file as it is stored. */
  readonly bytes: number;
  /** Undefined for a stream. */
  readonly totalBytes: number | undefined;
  readonly lines: number;
}

export interface ImportSummary {
  /** Undefined when there was not a line. */
  readonly format: ImportFormat | undefined;
  readonly lines: number;
  /** Lines that an earlier import had counted: the file has grown since, or is the same. */
  readonly knownLines: number;
  /** Nothing was new in it. */
  readonly alreadyImported: boolean;
  /** Reads that are demand. */
  readonly accesses: number;
  /** Reads of crawlers and other callers that are none. */
  readonly notDemand: number;
  readonly keys: number;
  /** Keys met for the first time and let in; keys seen once only, of which a hash waits. */
  readonly admitted: number;
  readonly waiting: number;
  readonly bad: {
    readonly lines: number;
    readonly reasons: Readonly<Record<string, number>>;
    readonly samples: readonly { readonly line: number; readonly reason: string; readonly text: string }[];
  };
  /** Lines that are no reads of a cache, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Some of the paths that no pattern matched, without their queries. */
  readonly unmapped: readonly string[];
  /** The first and last instant of what was counted. */
  readonly from?: number;
  readonly to?: number;
}

export interface PlanQuestion {
  /** The instant the plan is made for. @default now */
  readonly at?: number;
  readonly top?: number;
  readonly horizon?: Duration;
  readonly maxTime?: Duration;
  /** Texts of keys to plan instead of what the sources name. */
  readonly keys?: readonly string[];
}

export interface WarmRequest {
  readonly top?: number;
  readonly horizon?: Duration;
  readonly maxTime?: Duration;
  readonly maxBytes?: number;
  /** Texts of keys to warm instead of what the forecast names. */
  readonly keys?: readonly string[];
  /** @default 'manual' */
  readonly trigger?: Trigger;
}

export interface WorkOptions {
  /** Names of the jobs to work. @default all */
  readonly only?: readonly string[];
  readonly concurrency?: Readonly<Record<string, number>>;
  /** Whether schedules tick here. @default true unless `only` is given */
  readonly cron?: boolean;
  /** Serve /healthz, /readyz and /metrics. @default false */
  readonly http?: boolean;
}

export interface Working {
  readonly worker: string;
  readonly jobs: readonly string[];
  /** Where health and metrics are served, when they are. */
  readonly url?: string;
  /** Hands unfinished work back and closes; force ends at once. */
  stop(options?: { grace?: Duration; force?: boolean }): Promise<void>;
}

export interface ScheduleView {
  readonly name: string;
  readonly job: string;
  readonly cache?: string;
  readonly expression: string;
  readonly timezone: string;
  readonly catchUp: 'none' | 'one' | 'all';
  readonly overlap: 'skip' | 'queue';
  readonly isPaused: boolean;
  readonly builtIn: boolean;
  readonly lastSlot?: number;
  readonly next: readonly number[];
  /** Of what `schedules: 'auto'` proposed for a cache, `expression` being 'auto': by when which part is to be warm, by position of `next`. */
  readonly rises?: readonly { readonly by: number; readonly keys: number }[];
}

/** A server as `status` and `doctor` see it. */
export interface ServerFacts {
  readonly role: 'cache' | 'queue' | 'buffer' | 'postgres';
  readonly url: string;
  readonly from: string;
  readonly ok: boolean;
  readonly error?: string;
  readonly version?: string;
  readonly roundTripMs?: number;
  /** Server clock minus this machine's. */
  readonly skewMs?: number;
  readonly policy?: string;
  readonly usedBytes?: number;
  readonly maxBytes?: number;
  /** Whether a restart brings an older state back. */
  readonly savesToDisk?: boolean;
  /** Whether it writes down what it is given before it may be lost. */
  readonly appendOnly?: boolean;
  readonly schemaVersion?: number;
  readonly canWrite?: boolean;
  /** Of Postgres: changes of tables that wait to be carried out, and the triggers that tell them. */
  readonly changes?: {
    readonly waiting: number;
    readonly oldestMs: number;
    readonly triggers: readonly {
      readonly table: string;
      readonly state: 'ok' | 'missing' | 'changed' | 'left';
    }[];
    /** Why triggers cannot be what the configuration asks for. */
    readonly error?: string;
  };
}

/** How a process fares that cannot use the cache's Redis, or has not yet carried out every invalidation. */
export interface OutageFacts {
  readonly process: string;
  /** Its breaker is open: it does not ask the cache's Redis, but for a probe now and then. */
  readonly isAway: boolean;
  readonly since: number;
  /** Invalidations that it keeps until that Redis takes them. */
  readonly waiting: number;
}

export interface Status {
  readonly at: number;
  readonly servers: readonly ServerFacts[];
  /** Processes that were in trouble with the cache's Redis a moment ago; left out while the queue's is away, which knows. */
  readonly outages?: readonly OutageFacts[];
  readonly caches: readonly {
    readonly cache: string;
    /** Left out, like the reads, while Postgres is away. */
    readonly keys?: number;
    /** Reads and misses that were told of for this hour and the one before; the ratio is of those that went through the cache. */
    readonly accesses?: number;
    readonly misses?: number;
    readonly hitRatio?: number;
    readonly lastRun?: Run;
    /** Where entries are refreshed ahead: those refreshed in the last day that have ended, and how many of them nobody read. */
    readonly refreshed?: { readonly entries: number; readonly unread: number };
    /** Where writes are buffered; left out while the buffer is away. */
    readonly dirty?: DirtyLedger;
    /** Who makes its forecasts, by how much it leads, and since when; left out until enough was judged. */
    readonly choice?: Choice;
    /** How well all experts do, best first; left out before any was judged. */
    readonly experts?: readonly Standing[];
    /** How its last plan that was compared with what came did. */
    readonly scorecard?: Scorecard;
    readonly budget: { readonly origin: string; readonly perSecond?: number; readonly factor: number };
  }[];
  readonly queues: readonly {
    readonly job: string;
    readonly counts: Readonly<Record<string, number>>;
    readonly oldestMs?: number;
    /** Processes that work this job. */
    readonly workers: number;
  }[];
  readonly schedules: readonly ScheduleView[];
}

/** All that is known of one key. */
export interface Explanation {
  readonly cache: string;
  readonly key: string;
  readonly at: number;
  readonly horizonMs: number;
  readonly state: Look['state'];
  readonly freshUntil?: number;
  /** Left out for a key that no forecast speaks of: it was read too long ago, too seldom, or never. */
  readonly forecast?: ForecastRow & { readonly by: string; readonly rank: number; readonly of: number };
  /** What a plan made now decides about it; left out where it is not even wished for, or far below the cut. */
  readonly decision?: PlanRow;
  /** Who makes the forecasts of its cache, by how much it leads, and since when; left out until enough was judged. */
  readonly choice?: Choice;
  /** How likely it is to be read while an entry that is loaded now serves. */
  readonly chance?: number;
  /** What the last plans decided about it, newest first. */
  readonly past: readonly PastRow[];
  /** Those of the last plans that did not hold it, newest first. */
  readonly leftOut: readonly LeftOut[];
}
