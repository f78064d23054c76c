import { type Job, Queue } from 'bullmq';
import type { End, State } from '../history/event.ts';
import { queueName } from './options.ts';
import type { Way } from './way.ts';

/** What a job for a write carries. Its number is its version. */
export interface WriteJob {
  readonly key: string;
  readonly json: string | null;
}

const open = (url: string, commandTimeout?: number) => {
  const queue = new Queue<WriteJob>(queueName, {
    connection: {
      url,
      ...(commandTimeout === undefined
        ? {}
        : {
            commandTimeout,
            enableOfflineQueue: false,
            maxRetriesPerRequest: 0,
            autoResendUnfulfilledCommands: false,
          }),
    },
  });
  queue.on('error', () => {}); // a server that is away is tried again
  return queue;
};

/** Writes as most do without a buffer: a BullMQ job for each. */
export function openJobsWay(url: string): Way {
  const queue = open(url, 1_000);
  return {
    async write(key, value) {
      try {
        const json = value === null ? null : JSON.stringify(value);
        const job = await queue.add('write', { key, json }, { attempts: 100, removeOnComplete: true });
        return { kind: 'ok', version: Number(job.id) };
      } catch {
        // Nobody knows whether the job is there.
        return { kind: 'info', why: 'unknown' };
      }
    },
    close: () => queue.close(),
  };
}

/** What is left of such jobs. */
export function openJobs(url: string) {
  const queue = open(url);
  const statesOf = (jobs: readonly (Job<WriteJob> | undefined)[]) =>
    new Map(
      jobs.flatMap((job): [string, State][] =>
        job === undefined
          ? []
          : [
              [
                job.data.key,
                {
                  version: Number(job.id),
                  value: job.data.json === null ? null : String(JSON.parse(job.data.json)),
                },
              ],
            ],
      ),
    );
  const unfinished = ['waiting', 'active', 'delayed', 'prioritized'] as const;
  return {
    async waiting(): Promise<number> {
      const counts = await queue.getJobCounts(...unfinished);
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    async end(): Promise<Pick<End, 'dead' | 'pending' | 'ledger'>> {
      return {
        dead: statesOf(await queue.getJobs(['failed'])),
        pending: statesOf(await queue.getJobs([...unfinished])),
        ledger: undefined,
      };
    },
    close: () => queue.close(),
  };
}
