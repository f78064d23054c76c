import { createImporter } from './access/import.ts';
import { definitionOf } from './compose/configured.ts';
import { type Database, lazyDatabase } from './compose/database.ts';
import { explainKey } from './compose/explain.ts';
import { targetOf } from './compose/flushers.ts';
import { type ClientOptions, clientOf, openGround } from './compose/ground.ts';
import { lazyMetrics } from './compose/metrics.ts';
import { reviveLanes, startWarm } from './compose/operate.ts';
import { createRooms } from './compose/rooms.ts';
import { createSchedules } from './compose/schedules.ts';
import { readServers, readStatus } from './compose/survey.ts';
import { startWork } from './compose/work.ts';
import { createWrites } from './compose/writes.ts';
import type { Config, ConfigInput } from './config.ts';
import type { AnyCacheDef } from './define.ts';
import type { Target } from './dirty/target.ts';
import { drawPlan } from './draw.ts';
import { durationMs } from './duration.ts';
import { SamovarError } from './errors.ts';
import type { Samovar } from './facade.ts';
import { checkExpression } from './queue/cron.ts';
import { createScheduleStore } from './queue/redis.ts';
import { createCron } from './queue/schedules.ts';
import { processEnvironment, readConfig } from './read-config.ts';
import { foresee } from './when.ts';

export type SamovarOptions = ClientOptions;

/**
 * Builds everything on a configuration. Redis is connected to at once and may be away; Postgres is opened by the first
 * method that needs it. Throws E_CONFIG or E_CRON when the configuration is wrong.
 */
export async function createSamovar<const Defs extends readonly AnyCacheDef[]>(
  input: ConfigInput<Defs> | Config<Defs>,
  options: SamovarOptions = {},
): Promise<Samovar<Defs>> {
  const config = readConfig(input, { env: processEnvironment(), checkSchedule: checkExpression });
  const targets = new Map<string, Target>();
  const ground = await openGround(config, {
    ...options,
    async openTarget(at, def) {
      let target = targets.get(def.name);
      if (target === undefined) {
        target = targetOf(def, await at.connections.writePool(), at);
        targets.set(def.name, target);
      }
      return target;
    },
  });
  const client = clientOf<Defs>(ground);
  const { clock, log, events, connections, address, producer, budget } = ground;
  const openDatabase = lazyDatabase(ground);
  const store = createScheduleStore({ redis: connections.queue, address, prefix: config.prefix });
  const newCron = () => createCron({ config, store, queue: producer, clock, log, events });
  const cron = newCron();
  const metrics = lazyMetrics(ground, cron);
  const working = new Set<{ stop(): Promise<void> }>();

  /** Postgres with the schema that this build needs. */
  const ready = async (): Promise<Database> => {
    const database = await openDatabase();
    await database.schema.check();
    return database;
  };
  const control = async (run: number, verb: 'pause' | 'resume' | 'cancel') =>
    (await ready()).plans.control(run, verb);
  const originOf = (name: string) => {
    const origin = config.origins.find((each) => each.name === name);
    if (origin) return origin;
    const known = config.origins.map((each) => each.name).join(', ');
    throw new SamovarError('E_USAGE', `there is no origin '${name}'`, { hints: [`known: ${known}`] });
  };

  return {
    ...client,
    async plan(cache, { at = clock.now(), top, horizon, maxTime, keys } = {}) {
      definitionOf(config, cache);
      const { reads } = createRooms(ground, await ready());
      const horizonMs = horizon === undefined ? undefined : durationMs(horizon, 'horizon');
      const maxTimeMs = maxTime === undefined ? undefined : durationMs(maxTime, 'maxTime');
      return drawPlan(reads, { cache, at, top, horizonMs, maxTimeMs, keys }, new AbortController().signal);
    },
    async when({ at = clock.now() } = {}) {
      const { reads } = createRooms(ground, await ready());
      return foresee(reads, at, new AbortController().signal);
    },
    async explain(cache, text) {
      const def = definitionOf(config, cache);
      const key = def.key.encode(def.key.decode(text));
      const { reads } = createRooms(ground, await ready());
      return explainKey(reads, def, { key, at: clock.now() });
    },
    async warm(cache, request = {}) {
      definitionOf(config, cache);
      return startWarm(createRooms(ground, await ready()), { ...request, cache, at: clock.now() });
    },
    runs: {
      list: async (wanted) => (await ready()).plans.list(wanted),
      get: async (run) => (await ready()).plans.run(run),
      pause: (run) => control(run, 'pause'),
      async resume(run) {
        const resumed = await control(run, 'resume');
        await reviveLanes(createRooms(ground, await ready()), resumed, clock.now());
        return resumed;
      },
      cancel: (run) => control(run, 'cancel'),
    },
    schedules: createSchedules(ground, cron, openDatabase),
    budget: {
      get: async (origin) => budget.state(originOf(origin)),
      set: async (origin, limits) => budget.set(originOf(origin).name, limits),
    },
    writes: createWrites(ground, ready),
    jobRuns: { list: async (wanted) => (await ready()).history.list(wanted) },
    schema: {
      status: async () => (await openDatabase()).schema.status(),
      migrate: async (wanted) => (await openDatabase()).schema.migrate(wanted),
      sql: async () => (await openDatabase()).schema.sql(),
    },
    history: {
      async importFile(path, wanted) {
        const { pool, forecasts } = await ready();
        const summary = await createImporter(pool, { config, clock, log })(path, wanted);
        // What has just come in can be planned at once, not only after the next forecast.
        await forecasts.fold(clock.now());
        return summary;
      },
    },
    waitFor: (job, id, { timeout, signal } = {}) =>
      producer.waitFor(typeof job === 'string' ? job : job.name, id, {
        ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout, 'timeout') }),
        ...(signal === undefined ? {} : { signal }),
      }),
    async work(wanted = {}) {
      const started = await startWork(ground, openDatabase, newCron(), metrics.open, wanted);
      working.add(started);
      return started;
    },
    async metrics() {
      const { contentType, text } = metrics.open();
      return { contentType, text: await text() };
    },
    status: () => readStatus(ground, openDatabase, cron),
    servers: () => readServers(ground),
    async stop() {
      await Promise.all([...working].map((each) => each.stop()));
      await cron.stop();
      metrics.close();
      await client.stop();
    },
  };
}
