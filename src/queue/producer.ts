import type { Job, JobType } from 'bullmq';
import { minuteMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import { createLink, type LinkOptions } from './link.ts';
import { freshJobId, onceKey, type QueuedWork, slotJobId } from './names.ts';
import { type JobState, type JobView, jobStates, plainState, type QueueCounts, viewOf } from './view.ts';

export interface EnqueueOptions {
  /** Names the work: a second one of the same name is not added while the first is remembered. */
  readonly once?: string;
  /** How long `once` is remembered, whatever becomes of the job. @default 600_000 */
  readonly onceForMs?: number;
  /** Names work of which one is enough while it waits, and one more while it runs. */
  readonly wakes?: string;
  /** @default 0 */
  readonly delayMs?: number;
  /** 1 comes before 2; without one a job comes before all that have one. @default none */
  readonly priority?: number;
  /** The schedule that asks for it; with `slot`, one job per slot for the whole fleet. */
  readonly schedule?: string;
  readonly slot?: number;
}

export interface Producer {
  /** Adds a job and answers with its id, or with the id of the one that is remembered. E_QUEUE_UNAVAILABLE, E_PAYLOAD. */
  enqueue(job: string, payload: unknown, options?: EnqueueOptions): Promise<string>;
  counts(job: string): Promise<QueueCounts>;
  /** Age of the job that has waited longest; undefined when none waits. */
  oldestMs(job: string): Promise<number | undefined>;
  /** Processes that work this job now, in the whole fleet. */
  workers(job: string): Promise<number>;
  /** True when nothing may start: the queue is paused or rate limited. */
  isHeld(job: string): Promise<boolean>;
  /** The newest jobs in these states (all of them unless told), newest first. */
  list(job: string, options?: { states?: readonly JobState[]; most?: number }): Promise<JobView[]>;
  get(job: string, id: string): Promise<JobView | undefined>;
  stateOf(job: string, id: string): Promise<JobState | 'unknown'>;
  /** Puts a failed job back to be tried anew, with all its tries. */
  retry(job: string, id: string): Promise<void>;
  /** Polls until the job has ended, the time is over or the signal aborts; what it was then. Undefined: no such job. */
  waitFor(
    job: string,
    id: string,
    options?: { timeoutMs?: number; signal?: AbortSignal },
  ): Promise<JobView | undefined>;
  close(): Promise<void>;
}

const onceForMs = 10 * minuteMs;
const maxPayloadBytes = 1_048_576;
/** A bound only: how often a job is really tried is decided by the worker, which knows its definition. */
const maxAttempts = 100;

/** Adds jobs and looks at them, over one connection that fails fast. It works again as soon as Redis does. */
export function createProducer(options: LinkOptions): Producer {
  const { clock } = options;
  const { ask, close } = createLink(options);

  const get = (name: string, id: string) =>
    ask(name, async (queue) => {
      // State before data: a job that ends in between still has its result when it is said to have ended.
      const state = plainState(await queue.getJobState(id));
      const found: Job | undefined = await queue.getJob(id);
      return found && viewOf(name, found, state);
    });

  return {
    enqueue(name, payload, wanted = {}) {
      const { once, schedule, slot } = wanted;
      const work: QueuedWork = {
        payload,
        ...(schedule === undefined ? {} : { schedule }),
        ...(slot === undefined ? {} : { slot }),
      };
      return ask(name, async (queue) => {
        checkSize(name, work);
        const isSlot = schedule !== undefined && slot !== undefined;
        const jobId = isSlot ? slotJobId(schedule, slot) : freshJobId(once ?? schedule ?? name);
        const onceId = isSlot ? jobId : once;
        const added = await queue.add(name, work, {
          jobId,
          attempts: maxAttempts,
          backoff: { type: 'jittered' },
          timestamp: clock.now(),
          stackTraceLimit: 2,
          ...(wanted.delayMs === undefined ? {} : { delay: wanted.delayMs }),
          ...(wanted.priority === undefined ? {} : { priority: wanted.priority }),
          // Only a deduplication with a ttl outlives its job: an id alone is free again once the job is swept.
          ...(onceId === undefined
            ? {}
            : { deduplication: { id: onceKey(onceId), ttl: wanted.onceForMs ?? onceForMs } }),
          // Without `keepLastIfActive` one that comes while the last is running would be lost.
          ...(wanted.wakes === undefined
            ? {}
            : { deduplication: { id: onceKey(`wake ${wanted.wakes}`), keepLastIfActive: true } }),
        });
        return added.id ?? jobId;
      });
    },
    counts: (name) =>
      ask(name, async (queue) => {
        const found = await queue.getJobCounts(
          'wait',
          'prioritized',
          'active',
          'delayed',
          'failed',
          'completed',
        );
        const count = (state: string) => found[state] ?? 0;
        return {
          waiting: count('wait') + count('prioritized'),
          active: count('active'),
          delayed: count('delayed'),
          failed: count('failed'),
          completed: count('completed'),
        };
      }),
    oldestMs: (name) =>
      ask(name, async (queue) => {
        const heads = await queue.getJobs(['wait', 'prioritized'], 0, 0, true);
        const since = heads.filter(Boolean).map((job) => job.timestamp);
        return since.length === 0 ? undefined : Math.max(0, clock.now() - Math.min(...since));
      }),
    workers: (name) => ask(name, (queue) => queue.getWorkersCount()),
    isHeld: (name) =>
      ask(name, async (queue) => (await queue.isPaused()) || (await queue.getRateLimitTtl()) > 0),
    list: (name, { states = jobStates, most = 50 } = {}) =>
      ask(name, async (queue) => {
        const views = await Promise.all(
          states.map(async (state) => {
            const types: JobType[] = state === 'waiting' ? ['wait', 'prioritized'] : [state];
            const jobs = await queue.getJobs(types, 0, most - 1, false);
            return jobs.filter(Boolean).map((job) => viewOf(name, job, state));
          }),
        );
        return views
          .flat()
          .sort((a, b) => (b.endedAt ?? b.addedAt) - (a.endedAt ?? a.addedAt))
          .slice(0, most);
      }),
    get,
    stateOf: (name, id) => ask(name, async (queue) => plainState(await queue.getJobState(id))),
    retry: (name, id) =>
      ask(name, async (queue) => {
        const job: Job | undefined = await queue.getJob(id);
        const state = job ? plainState(await job.getState()) : 'unknown';
        if (!job || state !== 'failed')
          throw new SamovarError(
            'E_USAGE',
            `job ${name} has no failed job '${id}'${state === 'unknown' ? '' : ` (it is ${state})`}`,
          );
        await job.retry('failed', { resetAttemptsMade: true });
      }),
    async waitFor(name, id, { timeoutMs = Number.POSITIVE_INFINITY, signal } = {}) {
      const from = clock.elapsed();
      for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 1.3, 500)) {
        const view = await get(name, id);
        const leftMs = timeoutMs - (clock.elapsed() - from);
        const hasEnded = !view || view.state === 'completed' || view.state === 'failed';
        if (hasEnded || leftMs <= 0 || signal?.aborted) return view;
        await clock.sleep(Math.min(pauseMs, leftMs), signal);
      }
    },
    close,
  };
}

function checkSize(name: string, work: QueuedWork): void {
  let text: string;
  try {
    text = JSON.stringify(work);
  } catch (error) {
    throw new SamovarError('E_PAYLOAD', `job ${name}: its payload cannot be written as JSON`, {
      cause: error,
    });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > maxPayloadBytes)
    throw new SamovarError(
      'E_PAYLOAD',
      `job ${name}: its payload is ${bytes} bytes, at most ${maxPayloadBytes} are taken; hand over where the work is, not the work`,
    );
}
