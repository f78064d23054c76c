import type { Point } from '../../../src/dirty/target.ts';

/** What processes under test are told, as JSON on their command line. */
export interface ProcessOptions {
  readonly name: string;
  readonly log: string;
  readonly redisUrl: string;
  /** Where queues are. */
  readonly queueUrl: string;
  readonly postgresUrl: string;
  /** What is under test, or what it is compared with: a job for every write. */
  readonly via: 'buffer' | 'jobs';
  /** How far the process's own clock is off. @default 0 */
  readonly clockOffMs?: number;
}

export interface ClientOptions extends ProcessOptions {
  readonly seed: number;
  readonly callers: number;
  /** Rest of each caller between two writes. */
  readonly restMs: number;
  /** Share of writes that the target will refuse. */
  readonly poison: number;
  readonly hotKeys: number;
  /** Share of additions to counters. */
  readonly additions: number;
  /** Share of writes of a hot key that are followed by a read of it. */
  readonly reads: number;
  /** Loops that only read hot keys. */
  readonly readers: number;
  /** Keys that are written first of all, and deleted when the process is told to. */
  readonly laid: number;
  /** Dirty keys in one partition. */
  readonly hardMark: number;
  readonly acknowledge: 'buffer' | 'fsync' | `replicas:${number}`;
}

/** A place at which a flusher ends or freezes itself, the how-manieth time it comes by. */
export interface Failpoint {
  readonly point: Point;
  readonly action: 'kill' | 'stop' | 'block';
  readonly nth?: number;
}

export interface FlusherOptions extends ProcessOptions {
  readonly leaseMs: number;
  readonly batch: number;
  readonly lanes: number;
  readonly delayMs: number;
  readonly mostDead: number;
  readonly mostSearches: number;
  /** Of a whole worker. @default 20 s */
  readonly graceMs?: number;
  readonly failpoint?: Failpoint;
}

export const cache = 'shop';
export const prefix = 'sv';
/** Values that the target refuses begin with this. */
export const poison = 'poison';
/** Counters have keys of their own, and are no writes of a value. */
export const isCounter = (key: string): boolean => key.startsWith('c:');

/** The queue of a job for every write. */
export const queueName = 'writes';

/** Sets the process's own clock, before anything looks at it. */
export function setClock({ clockOffMs = 0 }: ProcessOptions): void {
  if (clockOffMs === 0) return;
  const { now } = Date;
  Date.now = () => now() + clockOffMs;
}
