import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Producer } from './producer.ts';

/** Work that waits while nobody does any. */
export interface StuckQueue {
  readonly job: string;
  readonly waiting: number;
  readonly forMs: number;
}

export interface StuckWatchOptions {
  readonly jobs: readonly string[];
  readonly queue: Pick<Producer, 'counts' | 'isHeld'>;
  readonly stuckAfterMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Watches the work, not the worker: a worker whose connection is parked still says that it runs. Looks through a
 * connection of its own kind, so that a server that is away does not look like a worker that is stuck.
 */
export function watchStuck(options: StuckWatchOptions) {
  const { clock, queue, stuckAfterMs } = options;
  const since = new Map<string, { at: number; waiting: number }>();
  let timer: Timer | undefined;

  const look = async (job: string): Promise<void> => {
    const { waiting, active } = await queue.counts(job);
    if (waiting === 0 || active > 0 || (await queue.isHeld(job))) since.delete(job);
    else since.set(job, { at: since.get(job)?.at ?? clock.elapsed(), waiting });
  };

  return {
    start() {
      timer = clock.every(Math.max(50, Math.min(stuckAfterMs / 4, 15_000)), async () => {
        for (const job of options.jobs) {
          await look(job).catch((error: unknown) => {
            since.delete(job);
            options.log.debug({ reason: messageOf(error) }, 'could not look at the queue');
          });
        }
      });
    },
    stop: () => timer?.stop(),
    /** A try of this job just ended: it moves. */
    moved: (job: string) => since.delete(job),
    /** The queue stuck longest, if one has been for too long. */
    stuck(): StuckQueue | undefined {
      let worst: StuckQueue | undefined;
      for (const [job, { at, waiting }] of since) {
        const forMs = clock.elapsed() - at;
        if (forMs >= stuckAfterMs && forMs > (worst?.forMs ?? 0)) worst = { job, waiting, forMs };
      }
      return worst;
    },
  };
}
