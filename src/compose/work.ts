import { databaseError } from '../connect.ts';
import { durationMs } from '../duration.ts';
import type { Working, WorkOptions } from '../facade.ts';
import { type HttpServer, serveHttp } from '../metrics/http.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { checkQueuePolicy } from '../queue/redis.ts';
import type { Cron } from '../queue/schedules.ts';
import { createWorkers } from '../queue/workers.ts';
import { startBehind } from './behind.ts';
import { watchChanges } from './changes.ts';
import type { Database } from './database.ts';
import { watchEvents } from './events.ts';
import type { Ground } from './ground.ts';
import { createRooms, pick } from './rooms.ts';

/** Starts to work jobs in this process: checks what must hold, then workers, then schedules, then the page. */
export async function startWork(
  ground: Ground,
  openDatabase: () => Promise<Database>,
  cron: Cron,
  openMetrics: () => Metrics,
  options: WorkOptions,
): Promise<Working> {
  const { config, clock, log, events, connections, address, producer } = ground;
  const database = await openDatabase();
  await database.schema.check();
  await checkQueuePolicy({
    redis: connections.queue,
    address,
    cacheUrl: config.redis,
    allowEvicting: config.allowEvictingQueue,
    log,
  });
  const { reads, writes } = createRooms(ground, database);
  const workers = createWorkers({
    jobs: config.jobs,
    only: options.only,
    concurrency: { ...config.worker.concurrency, ...options.concurrency },
    address,
    prefix: config.prefix,
    stuckAfterMs: config.worker.stuckAfterMs,
    rooms: (job) => ({ from: pick(reads, job.reads), to: pick(writes, job.writes) }),
    queue: producer,
    clock,
    log,
    events,
    history: database.history,
  });
  const ended: readonly string[] = ['done', 'partial', 'failed', 'cancelled'];
  // What refuses to work has said so by now: from here on something runs that must be stopped.
  const behind = await startBehind(ground, database);
  const unlisten = events.on('run:changed', ({ cache, run, state }) => {
    if (ended.includes(state)) log.info({ cache, run, state }, 'run ended');
  });
  const heeds = workers.jobs.includes('invalidate');
  let changes: ReturnType<typeof watchChanges> | undefined;
  let published: ReturnType<typeof watchEvents> | undefined;
  const ticks = options.cron ?? options.only === undefined;
  let http: HttpServer | undefined;
  try {
    await workers.start();
    changes = heeds ? watchChanges(ground, database.pool) : undefined;
    published = heeds ? watchEvents(ground) : undefined;
    if (ticks) await cron.start();
    if (options.http ?? false) http = await serve(ground, database, openMetrics(), workers);
  } catch (error) {
    if (ticks) await cron.stop();
    await changes?.stop();
    await published?.stop();
    await workers.stop({ graceMs: 0 });
    await behind.stop(0);
    unlisten();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return {
    worker: workers.worker,
    jobs: workers.jobs,
    ...(http === undefined ? {} : { url: http.url }),
    stop({ grace = config.worker.graceMs, force = false } = {}) {
      if (stopping && force) void workers.stop({ graceMs: 0 });
      stopping ??= (async () => {
        if (ticks) await cron.stop();
        await changes?.stop();
        await published?.stop();
        const from = clock.elapsed();
        const graceMs = force ? 0 : durationMs(grace, 'grace');
        await workers.stop({ graceMs });
        await behind.stop(graceMs - (clock.elapsed() - from));
        await http?.close();
        unlisten();
      })();
      return stopping;
    },
  };
}

async function serve(
  { config, clock, connections }: Ground,
  database: Database,
  metrics: Metrics,
  workers: ReturnType<typeof createWorkers>,
): Promise<HttpServer> {
  const postgres = { url: config.postgres ?? '', from: config.sources.postgres };
  return serveHttp({
    ...config.http,
    clock,
    metrics,
    unhealthy() {
      const stuck = workers.isStuck();
      return (
        stuck &&
        `${stuck.waiting} ${stuck.job} jobs have waited for ${Math.round(stuck.forMs / 1_000)} s and none is worked`
      );
    },
    probes: [
      { name: 'cache', check: () => connections.cache.ping() },
      { name: 'queue', check: () => connections.queue.ping() },
      {
        name: 'postgres',
        check: () =>
          database.pool.query('select 1').catch((error: unknown) => {
            throw databaseError(error, postgres);
          }),
      },
      { name: 'schema', check: () => database.schema.check() },
      { name: 'workers', check: () => workers.check() },
    ],
  });
}
