import type { Point } from '../../../src/dirty/target.ts';

/** What processes under test are told, as JSON on their command line. */
export interface ProcessOptions {
  readonly name: string;
  readonly log: string;
  readonly redisUrl: string;
  readonly postgresUrl: string;
  /** What is under test, or what it is compared with: a job for every write. */
  readonly via: 'buffer' | 'jobs';
}

export interface ClientOptions extends ProcessOptions {
  readonly seed: number;
  readonly callers: number;
  /** Rest of each caller between two writes. */
  readonly restMs: number;
  /** Share of writes that the target will refuse. */
  readonly poison: number;
  readonly hotKeys: number;
  readonly hardMark: number;
  readonly commandTimeoutMs: number;
}

/** A place at which a flusher ends or freezes itself, the how-manieth time it comes by. */
export interface Failpoint {
  readonly point: Point;
  readonly action: 'kill' | 'stop';
  readonly nth?: number;
}

export interface FlusherOptions extends ProcessOptions {
  readonly leaseMs: number;
  readonly batch: number;
  readonly lanes: number;
  readonly delayMs: number;
  readonly mostDead: number;
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
