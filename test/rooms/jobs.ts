import { z } from 'zod';
import { type AnyJobDef, defineJob, type JobContext } from '../../src/job.ts';

/** A job that needs no room. */
export const job = (
  name: string,
  run: (payload: { n: number }, context: JobContext) => Promise<unknown>,
  options: Partial<Pick<AnyJobDef, 'attempts' | 'timeout' | 'concurrency' | 'aliases'>> = {},
): AnyJobDef =>
  defineJob(name, {
    about: 'a job of a test',
    reads: [],
    writes: [],
    payload: z.object({ n: z.number().default(0) }),
    ...options,
    run: (payload, _from, _to, context) => run(payload, context) as never,
  });

/** Never resolves; rejects with the reason once the signal aborts. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
  });
