import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Emitter, Events } from '../events.ts';
import type { Log } from '../log.ts';
import { within } from './away.ts';
import type { QueuedWork } from './names.ts';
import type { Verdict } from './outcome.ts';

export type JobOutcome = Events['job:ended']['outcome'];

/** Where tries are written down. Its failing never fails a job. */
export interface JobHistory {
  begin(run: {
    job: string;
    jobId: string;
    worker: string;
    attempt: number;
    schedule?: string;
    slot?: number;
    startedAt: number;
  }): Promise<number>;
  end(
    id: number,
    ended: { endedAt: number; outcome: JobOutcome; result?: unknown; error?: string },
  ): Promise<void>;
}

/** How long a job that has ended waits for its history to be written. */
const patienceMs = 2_000;

/** Writes a try down beside it, not before it: history that is slow or away costs the job nothing. */
export function recordTry(
  options: {
    readonly history: JobHistory | undefined;
    readonly job: { readonly name: string };
    readonly worker: string;
    readonly clock: Clock;
    readonly events: Pick<Emitter, 'emit'>;
  },
  log: Log,
  tried: { jobId: string; work: QueuedWork; attempt: number; startedAt: number },
): (outcome: JobOutcome, verdict: Verdict) => Promise<void> {
  const { history, clock } = options;
  if (!history) return async () => {};
  const { work, ...known } = tried;
  const begin = async () =>
    history.begin({
      job: options.job.name,
      worker: options.worker,
      ...known,
      ...(work.schedule === undefined ? {} : { schedule: work.schedule }),
      ...(work.slot === undefined ? {} : { slot: work.slot }),
    });
  const begun = begin();
  begun.catch(() => {}); // told below, once
  return async (outcome, verdict) => {
    const ended = begun.then((id) =>
      history.end(id, { endedAt: clock.now(), outcome, ...whatCame(verdict) }),
    );
    try {
      await within(clock, patienceMs, ended, () => new Error(`not written within ${patienceMs} ms`));
    } catch (error) {
      options.events.emit('history:failed', { job: options.job.name });
      log.warn({ reason: messageOf(error) }, 'job history could not be written');
    }
  };
}

function whatCame(verdict: Verdict): { result?: unknown; error?: string } {
  if (verdict.kind === 'complete') return { result: verdict.value };
  if (verdict.kind === 'later') return { result: { snoozed: verdict.why } };
  return 'error' in verdict ? { error: verdict.error.message } : {};
}
