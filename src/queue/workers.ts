import { hostname } from 'node:os';
import { Worker } from 'bullmq';
import type { Clock } from '../clock.ts';
import { openRedis, ready } from '../connect.ts';
import { nearest, SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { AnyJobDef } from '../job.ts';
import type { Log } from '../log.ts';
import { type QueueAddress, within } from './away.ts';
import { foldedErrors } from './fold.ts';
import { queuePrefix } from './names.ts';
import { backoffMs } from './outcome.ts';
import type { Producer } from './producer.ts';
import type { JobHistory } from './record.ts';
import { type StuckQueue, watchStuck } from './stuck.ts';
import { createTry, type JobRooms } from './try.ts';

/** How soon a dead worker's job is found: about `lockMs + 3 * stalledMs`. The lock also outlives an outage that long. */
export interface WorkerTiming {
  readonly lockMs: number;
  readonly stalledMs: number;
  /** How often one job may take its process down before it fails. */
  readonly maxStalls: number;
}

export interface WorkersOptions {
  readonly jobs: readonly AnyJobDef[];
  /** Names of the jobs to work; E_UNKNOWN_JOB for a name nobody has. @default all */
  readonly only?: readonly string[] | undefined;
  /** Tries of a job at once in this process; overrides the job's own. */
  readonly concurrency?: Readonly<Record<string, number>>;
  readonly address: QueueAddress;
  readonly prefix: string;
  readonly stuckAfterMs: number;
  /** Called once a job. */
  readonly rooms: (job: AnyJobDef) => JobRooms;
  readonly queue: Pick<Producer, 'counts' | 'isHeld'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<Emitter, 'emit'>;
  readonly history?: JobHistory | undefined;
  /** Names this process in claims and history. @default host-pid-chance */
  readonly worker?: string;
  /** @default lockMs 30_000, stalledMs 5_000, maxStalls 2 */
  readonly timing?: Partial<WorkerTiming>;
  readonly random?: () => number;
}

export interface Workers {
  readonly worker: string;
  /** Names of the jobs it works. */
  readonly jobs: readonly string[];
  /** Begins to work. E_QUEUE_UNAVAILABLE when Redis does not answer. */
  start(): Promise<void>;
  /**
   * Takes no more, tells what runs to stop and puts it back for others, no try spent. What has not stopped after
   * `graceMs` is left behind: others find it when its lock has run out. Answers with how many that were.
   * Called again with no grace, it waits no longer.
   */
  stop(options: { graceMs: number }): Promise<{ left: number }>;
  /** Tries under way. */
  running(): number;
  /** Rejects with what keeps it from working: it stops, or a connection is not up. */
  check(): Promise<void>;
  isStuck(): StuckQueue | undefined;
}

/** A worker that can be left without waiting for what it runs, or for a server that is away. */
class QueueWorker extends Worker {
  async isUp(): Promise<boolean> {
    const { client, blockingClient } = this.getBackend();
    const both = await Promise.allSettled([client, blockingClient]);
    return both.every((each) => each.status === 'fulfilled' && each.value?.status === 'ready');
  }

  async leave(isIdle: boolean, onError: (error: unknown) => void, clock: Clock): Promise<void> {
    // Closing gently over a connection that is just being made again would wait for ever.
    const closed = this.close(!(isIdle && (await this.isUp())));
    await within(clock, closingMs, closed, () => new Error('a worker took long to close')).catch(onError);
    await this.lockManager.close();
    await this.getBackend().close(true);
  }
}

const timingByDefault: WorkerTiming = { lockMs: 30_000, stalledMs: 5_000, maxStalls: 2 };
const keepDone = { age: 86_400, count: 1_000 };
const keepFailed = { age: 7 * 86_400, count: 1_000 };
/** How long the connections of an idle worker may take to close. */
const closingMs = 2_000;

export function createWorkers(options: WorkersOptions): Workers {
  const { clock, log, address } = options;
  const chosen = choose(options.jobs, options.only);
  const timing = { ...timingByDefault, ...options.timing };
  const random = options.random ?? Math.random;
  const worker = options.worker ?? `${hostname()}-${process.pid}-${random().toString(36).slice(2, 6)}`;
  const onError = foldedErrors(clock, log, 'queue trouble');
  const connection = openRedis({ role: 'queue', ...address, use: 'blocking', onError });
  const queueNames = chosen.flatMap((job) => [job.name, ...(job.aliases ?? [])]);
  const watch = watchStuck({
    jobs: queueNames,
    queue: options.queue,
    stuckAfterMs: options.stuckAfterMs,
    clock,
    log,
  });
  const workers: QueueWorker[] = [];
  const tries = new Set<symbol>();
  const hurry = new AbortController();
  let onIdle = () => {};
  let isStopping = false;
  let stopping: Promise<{ left: number }> | undefined;

  const work = (def: AnyJobDef, queueName: string, rooms: JobRooms): QueueWorker => {
    const attempt = createTry({
      ...options,
      history: options.history,
      job: def,
      rooms,
      worker,
      isStopping: () => isStopping,
    });
    const told = new WeakSet<object>();
    const made = new QueueWorker(
      queueName,
      // Three named parameters: BullMQ makes the signal only for a function that takes it.
      async (job, token, signal) => {
        const mark = Symbol(queueName);
        tries.add(mark);
        told.add(job);
        try {
          return await attempt(job, token, signal);
        } finally {
          tries.delete(mark);
          if (tries.size === 0) onIdle();
          watch.moved(queueName);
        }
      },
      {
        connection,
        prefix: queuePrefix(options.prefix),
        autorun: false,
        concurrency: options.concurrency?.[def.name] ?? def.concurrency ?? 1,
        lockDuration: timing.lockMs,
        stalledInterval: timing.stalledMs,
        maxStalledCount: timing.maxStalls,
        removeOnComplete: keepDone,
        removeOnFail: keepFailed,
        settings: { backoffStrategy: (attemptsMade) => backoffMs(attemptsMade, random) },
      },
    );
    made.on('error', onError);
    made.on('lockRenewalFailed', (ids) => {
      for (const id of ids) made.cancelJob(id, 'lock lost');
    });
    made.on('stalled', (id) => log.warn({ job: def.name, id }, 'job taken back from a worker that died'));
    made.on('failed', (job, error) => {
      if (job && told.has(job)) return;
      options.events.emit('job:ended', { job: def.name, outcome: 'failed', ms: 0 });
      log.error({ job: def.name, id: job?.id, err: error }, 'job failed without being tried');
    });
    return made;
  };

  const stop = async (graceMs: number): Promise<{ left: number }> => {
    isStopping = true;
    watch.stop();
    await Promise.all(workers.map((each) => each.pause(true)));
    for (const each of workers) each.cancelAllJobs('shutdown');
    await allTriesEnded(graceMs);
    await Promise.all(workers.map((each) => each.leave(tries.size === 0, onError, clock)));
    connection.disconnect();
    if (tries.size > 0) log.warn({ jobs: tries.size }, 'jobs did not stop in time; others take them over');
    return { left: tries.size };
  };

  const allTriesEnded = async (graceMs: number): Promise<void> => {
    if (tries.size === 0) return;
    const over = new AbortController();
    onIdle = () => over.abort();
    await clock.sleep(graceMs, AbortSignal.any([over.signal, hurry.signal]));
  };

  return {
    worker,
    jobs: chosen.map((job) => job.name),
    async start() {
      await ready(connection, { role: 'queue', ...address });
      try {
        for (const def of chosen) {
          const rooms = options.rooms(def);
          for (const name of [def.name, ...(def.aliases ?? [])]) workers.push(work(def, name, rooms));
        }
        await Promise.all(workers.map((each) => each.waitUntilReady()));
      } catch (error) {
        await stop(0);
        throw error;
      }
      for (const each of workers) each.run().catch(onError);
      watch.start();
    },
    async check() {
      if (isStopping) throw new Error('stopping');
      for (const each of workers) if (!(await each.isUp())) throw new Error(`${each.name} is not worked`);
    },
    stop({ graceMs }) {
      if (graceMs === 0) hurry.abort();
      stopping ??= stop(graceMs);
      return stopping;
    },
    running: () => tries.size,
    isStuck: () => watch.stuck(),
  };
}

/** The asked jobs. A queue worked under two jobs would be a job lost to the wrong one. */
function choose(jobs: readonly AnyJobDef[], only: readonly string[] | undefined): AnyJobDef[] {
  const names = jobs.map((job) => job.name);
  for (const name of only ?? []) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    throw new SamovarError(
      'E_UNKNOWN_JOB',
      `there is no job '${name}'${meant === undefined ? '' : `, did you mean '${meant}'?`}`,
      { hints: [`known: ${names.join(', ')}`] },
    );
  }
  const chosen = only === undefined ? [...jobs] : jobs.filter((job) => only.includes(job.name));
  const seen = new Set<string>();
  for (const name of jobs.flatMap((job) => [job.name, ...(job.aliases ?? [])])) {
    if (seen.has(name)) throw new SamovarError('E_CONFIG', `\`jobs\`: two jobs are called '${name}'`);
    seen.add(name);
  }
  return chosen;
}
