import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq';
import { type Clock, deadline, type Timer } from '../clock.ts';
import { durationMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import type { Emitter, Events } from '../events.ts';
import { type AnyJobDef, checkPayload, type JobContext, type Outcome } from '../job.ts';
import type { Log } from '../log.ts';
import type { Reads, Writes } from '../rooms.ts';
import type { QueuedWork } from './names.ts';
import { type Stopped, type Verdict, verdictOf, verdictOfError } from './outcome.ts';
import { type JobHistory, recordTry } from './record.ts';

/** The rooms of one job: those it declared, and no others. */
export interface JobRooms {
  readonly from: Partial<Reads>;
  readonly to: Partial<Writes>;
}

export interface TryOptions {
  readonly job: AnyJobDef;
  readonly rooms: JobRooms;
  readonly worker: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<Emitter, 'emit'>;
  readonly history: JobHistory | undefined;
  /** True once the worker is stopping: what is fetched then is handed back untouched. */
  readonly isStopping: () => boolean;
}

export type Try = (job: Job, token: string | undefined, signal: AbortSignal | undefined) => Promise<unknown>;

/** How long a job whose time is over may take to notice. */
const noticeMs = 5_000;

const defaultAttempts = 3;
const defaultTimeoutMs = 600_000;

/** One try of one job, from the queue's hand and back into it. */
export function createTry(options: TryOptions): Try {
  const { job: def, clock, events } = options;
  const attempts = def.attempts ?? defaultAttempts;
  const timeoutMs =
    def.timeout === undefined ? defaultTimeoutMs : durationMs(def.timeout, `${def.name}.timeout`);

  const run = async (
    work: QueuedWork,
    context: Omit<JobContext, 'signal'>,
    signal: AbortSignal | undefined,
  ): Promise<Verdict> => {
    const stop = new AbortController();
    const onStop = () => stop.abort(new SamovarError('E_STOPPED', `job ${def.name} was told to stop`));
    signal?.addEventListener('abort', onStop, { once: true });
    if (signal?.aborted) onStop();
    const limit = deadline(
      clock,
      timeoutMs,
      () =>
        new SamovarError('E_JOB_TIMEOUT', `job ${def.name} took longer than its timeout of ${timeoutMs} ms`),
      stop.signal,
    );
    const stopped = (): Stopped => {
      if (signal?.aborted) return signal.reason === 'shutdown' ? 'shutdown' : 'lock';
      return limit.signal.aborted ? 'timeout' : undefined;
    };
    const deaf = unheard(clock, limit.signal, () => stopped() === 'shutdown');
    try {
      const payload: unknown = checkPayload(def, work.payload);
      const { from, to } = options.rooms;
      const running = Promise.resolve(
        def.run(payload, from as never, to as never, { ...context, signal: limit.signal }),
      );
      return verdictOf(def.name, (await Promise.race([running, deaf.promise])) as Outcome);
    } catch (error) {
      const why = stopped() === 'timeout' ? limit.signal.reason : error;
      return verdictOfError(why, { attempt: context.attempt, attempts, stopped: stopped() });
    } finally {
      deaf.done();
      limit.done();
      signal?.removeEventListener('abort', onStop);
    }
  };

  return async (job, token, signal) => {
    if (options.isStopping()) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const work = (job.data ?? {}) as QueuedWork;
    const id = job.id ?? '';
    const attempt = job.attemptsMade + 1;
    const log = options.log.child({ job: def.name, id, attempt });
    const startedAt = clock.now();
    const from = clock.elapsed();
    const record = recordTry(options, log, { jobId: id, work, attempt, startedAt });
    const teller = createTeller(clock, (state) =>
      // Nobody's work may fail because its watchers cannot be told.
      job.updateProgress(state).catch((error: unknown) => log.debug({ err: error }, 'progress not told')),
    );
    const verdict = await run(
      work,
      {
        id,
        attempt,
        worker: options.worker,
        at: work.slot ?? startedAt,
        ...(work.schedule === undefined ? {} : { schedule: work.schedule }),
        now: clock.now,
        log,
        progress: teller.progress,
      },
      signal,
    ).finally(teller.end);
    const ms = clock.elapsed() - from;
    const outcome = outcomeOf(verdict);
    await record(outcome, verdict);
    events.emit('job:ended', { job: def.name, outcome, ms });
    tell(log, verdict, outcome, ms);
    return carryOut(job, token, verdict, clock);
  };
}

/** People look now and then, and each telling costs the queue several commands. */
const tellEveryMs = 250;

/** Tells how far work is: at once, or the newest of what came when the time for the next has come. */
function createTeller(clock: Clock, tell: JobContext['progress']) {
  let newest: Record<string, unknown> = {};
  let toldAt = Number.NEGATIVE_INFINITY;
  let timer: Timer | undefined;
  const tellNewest = (): Promise<void> => {
    timer = undefined;
    toldAt = clock.elapsed();
    return tell(newest);
  };
  return {
    async progress(state: Record<string, unknown>): Promise<void> {
      newest = state;
      const waitMs = toldAt + tellEveryMs - clock.elapsed();
      if (waitMs <= 0) await tellNewest();
      else timer ??= clock.after(waitMs, () => void tellNewest());
    },
    /** Tells what is still to be told. */
    async end(): Promise<void> {
      timer?.stop();
      if (timer !== undefined) await tellNewest();
    },
  };
}

/** Rejects some time after the signal aborted: a job that does not listen must not hold its place for ever. */
function unheard(clock: Clock, signal: AbortSignal, isPatient: () => boolean) {
  let timer: { stop(): void } | undefined;
  let onAbort = () => {};
  const promise = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      // At shutdown the worker's own grace decides.
      if (!isPatient()) timer = clock.after(noticeMs, () => reject(signal.reason));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
  promise.catch(() => {}); // the race may be over
  return {
    promise,
    done() {
      timer?.stop();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

const outcomeOf = (verdict: Verdict): Events['job:ended']['outcome'] => {
  switch (verdict.kind) {
    case 'complete':
      return verdict.outcome;
    case 'later':
      return 'snooze';
    case 'hand-back':
      return 'handed-back';
    case 'drop':
      return 'lost';
    case 'retry':
      return 'retry';
    case 'fail':
      return 'failed';
  }
};

async function carryOut(
  job: Job,
  token: string | undefined,
  verdict: Verdict,
  clock: Clock,
): Promise<unknown> {
  switch (verdict.kind) {
    case 'complete':
      return verdict.value;
    case 'later':
      await job.moveToDelayed(clock.now() + verdict.delayMs, token);
      throw new DelayedError();
    case 'hand-back':
      await job.moveToWait(token);
      throw new WaitingError();
    case 'drop':
      throw new WaitingError();
    case 'retry':
      throw verdict.error;
    case 'fail': {
      const last = new UnrecoverableError(verdict.error.message);
      if (verdict.error.stack) last.stack = verdict.error.stack;
      throw last;
    }
  }
}

function tell(log: Log, verdict: Verdict, outcome: string, ms: number): void {
  const facts = { outcome, ms: Math.round(ms) };
  if (verdict.kind === 'fail') log.error({ ...facts, err: verdict.error }, 'job failed for good');
  else if (verdict.kind === 'retry')
    log.warn({ ...facts, err: verdict.error }, 'job failed, will be tried again');
  else if (verdict.kind === 'drop') log.warn(facts, 'job given up: its lock was lost, another worker has it');
  else if (verdict.kind === 'hand-back') log.info(facts, 'job handed back');
  else log.debug(facts, 'job ended');
}
