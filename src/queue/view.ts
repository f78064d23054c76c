import type { Job } from 'bullmq';
import type { QueuedWork } from './names.ts';

export const jobStates = ['waiting', 'active', 'delayed', 'failed', 'completed'] as const;
export type JobState = (typeof jobStates)[number];
export type QueueCounts = Readonly<Record<JobState, number>>;

/** A job as it stands in the queue. Instants are epoch ms. */
export interface JobView {
  readonly id: string;
  readonly job: string;
  readonly state: JobState | 'unknown';
  readonly payload: unknown;
  readonly schedule?: string;
  readonly slot?: number;
  /** Tries that ended, well or not; those snoozed or handed back do not count. */
  readonly tries: number;
  /** How often a worker died or lost its lock while it ran. */
  readonly stalls: number;
  readonly addedAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly progress?: unknown;
  readonly result?: unknown;
  readonly error?: string;
}

/** The four ways to wait are one to us. */
export const plainState = (state: string): JobState | 'unknown' => {
  if (state === 'wait' || state === 'prioritized') return 'waiting';
  return (jobStates as readonly string[]).includes(state) ? (state as JobState) : 'unknown';
};

/** What a person or a command needs to know of a job. */
export function viewOf(name: string, job: Job, state: JobState | 'unknown'): JobView {
  const work = (job.data ?? {}) as Partial<QueuedWork>;
  const hasProgress = typeof job.progress === 'object';
  return {
    id: job.id ?? '',
    job: name,
    state,
    payload: work.payload,
    ...(work.schedule === undefined ? {} : { schedule: work.schedule }),
    ...(work.slot === undefined ? {} : { slot: work.slot }),
    tries: job.attemptsMade,
    stalls: job.stalledCounter,
    addedAt: job.timestamp,
    ...(job.processedOn === undefined ? {} : { startedAt: job.processedOn }),
    ...(job.finishedOn === undefined ? {} : { endedAt: job.finishedOn }),
    ...(hasProgress ? { progress: job.progress } : {}),
    ...(state === 'completed' ? { result: job.returnvalue as unknown } : {}),
    ...(job.failedReason ? { error: job.failedReason } : {}),
  };
}
