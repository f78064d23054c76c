import { z } from 'zod';
import { checkName } from './define.ts';
import { type Duration, durationMs, parseDuration } from './duration.ts';
import { SamovarError } from './errors.ts';
import type { Log } from './log.ts';
import type { Reads, Writes } from './rooms.ts';

/** How a job ended. A thrown error means: try again. */
export type Outcome<Result = unknown> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'snooze'; readonly delayMs: number; readonly why: string }
  | { readonly kind: 'cancel'; readonly why: string };

export const done = <Result>(result: Result): Outcome<Result> => ({ kind: 'done', result });

/** Come back later, without spending an attempt. */
export const snooze = (delay: Duration, why: string): Outcome<never> => ({
  kind: 'snooze',
  delayMs: durationMs(delay, 'snooze'),
  why,
});

/** Nothing to do, now or later; not a failure. */
export const cancel = (why: string): Outcome<never> => ({ kind: 'cancel', why });

export interface JobContext {
  readonly id: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Names this worker process, for claims. */
  readonly worker: string;
  /** The instant the job stands for: its schedule's slot, else when it started. */
  readonly at: number;
  /** The schedule that asked for it. */
  readonly schedule?: string;
  readonly now: () => number;
  /** Aborts when the worker stops, the run is cancelled or the job's time is over. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** How far it is, for people who watch: told at most four times a second, the newest last. */
  progress(state: Record<string, unknown>): Promise<void>;
}

export interface JobOptions<Payload, Result, R extends keyof Reads, W extends keyof Writes, Given = Payload> {
  /** One line: from where to where. */
  readonly about: string;
  /** The rooms it may read from, and no others. */
  readonly reads: readonly R[];
  /** The rooms it may change, and no others. */
  readonly writes: readonly W[];
  /** Checks a payload that may come from an older version of the application. */
  readonly payload: z.ZodType<Payload, Given>;
  /** Tries before it counts as failed. @default 3 */
  readonly attempts?: number;
  /** Longest one try may take. @default '10m' */
  readonly timeout?: Duration;
  /** How many run at once in one worker process. @default 1 */
  readonly concurrency?: number;
  /** Names this job had before, still worked off. @default none */
  readonly aliases?: readonly string[];
  run(
    payload: Payload,
    from: Pick<Reads, R>,
    to: Pick<Writes, W>,
    context: JobContext,
  ): Promise<Outcome<Result>>;
}

/** A move from room to room that the worker carries out. Plain data until a worker runs it. */
export interface JobDef<
  Name extends string = string,
  Payload = unknown,
  Result = unknown,
  R extends keyof Reads = keyof Reads,
  W extends keyof Writes = keyof Writes,
  Given = Payload,
> extends JobOptions<Payload, Result, R, W, Given> {
  readonly kind: 'job';
  readonly name: Name;
}

/** Any job: what a list of jobs is made of. */
// biome-ignore lint/suspicious/noExplicitAny: payload types go in and out of a job; no single type covers all
export type AnyJobDef = JobDef<string, any, any, any, any, any>;

/** What may be handed over with a job: durations as '10m', for example, where the job gets milliseconds. */
export type PayloadOf<Job> =
  Job extends JobDef<string, infer _Payload, infer _Result, infer _Reads, infer _Writes, infer Given>
    ? Given
    : never;

/** Names a job. Built-in jobs and an application's own are made alike. */
export function defineJob<
  const Name extends string,
  Payload,
  Result,
  R extends keyof Reads,
  W extends keyof Writes,
  Given = Payload,
>(name: Name, options: JobOptions<Payload, Result, R, W, Given>): JobDef<Name, Payload, Result, R, W, Given> {
  checkName('a job', name);
  return Object.freeze({ ...options, kind: 'job', name });
}

/** The payload as the job wants it, or E_PAYLOAD naming what is wrong. */
export function checkPayload<Payload>(
  job: { name: string; payload: z.ZodType<Payload, unknown> },
  value: unknown,
): Payload {
  const parsed = job.payload.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = ['payload', ...issue.path].join('.');
  throw new SamovarError('E_PAYLOAD', `job ${job.name}: \`${path}\`: ${issue.message}`, {
    cause: parsed.error,
  });
}

/** A duration in a payload, '10m' or milliseconds; milliseconds once parsed. */
export const duration = z
  .custom<Duration>((value) => parseDuration(value) !== undefined, {
    error: ({ input }) => `expected a duration such as '10m', got '${String(input)}'`,
  })
  .transform((value) => durationMs(value, 'duration'));
