import { messageOf } from '../errors.ts';
import type { ServerFacts, Status } from '../facade.ts';
import { cacheFacts, postgresFacts } from '../facts/postgres.ts';
import { redisFacts } from '../facts/redis.ts';
import type { Cron } from '../queue/schedules.ts';
import { changeFacts } from './change-facts.ts';
import type { Database } from './database.ts';
import type { Ground } from './ground.ts';

/** What the three servers tell about themselves; one that is away says why instead. */
export async function readServers({ config, clock, connections, address }: Ground): Promise<ServerFacts[]> {
  const postgres = { url: config.postgres ?? '', from: config.sources.postgres, clock };
  const cacheUrl = config.redis ?? '';
  return Promise.all([
    redisFacts(connections.cache, { role: 'cache', url: cacheUrl, from: config.sources.redis, clock }),
    redisFacts(connections.queue, { role: 'queue', ...address, clock }),
    ...(connections.buffer === undefined
      ? []
      : [
          redisFacts(connections.buffer, {
            role: 'buffer',
            url: config.bufferRedis ?? address.url,
            from: config.sources.bufferRedis,
            clock,
          }),
        ]),
    connections.pool().then(
      async (pool) => {
        const facts = await postgresFacts(pool, postgres);
        return facts.ok ? { ...facts, ...(await changeFacts(pool, config).catch(() => ({}))) } : facts;
      },
      (error: unknown): ServerFacts => ({
        role: 'postgres',
        url: '',
        from: postgres.from,
        ok: false,
        error: messageOf(error),
      }),
    ),
  ]);
}

/** One screen of how things are. What cannot be asked is left out; the servers say why. */
export async function readStatus(
  ground: Ground,
  openDatabase: () => Promise<Database>,
  cron: Cron,
): Promise<Status> {
  const { config, clock, producer, budget, dirty } = ground;
  const servers = await readServers(ground);
  const isUp = (role: ServerFacts['role']) => servers.some((server) => server.role === role && server.ok);
  const postgres = servers.find((server) => server.role === 'postgres');
  const database = postgres?.ok && (postgres.schemaVersion ?? 0) > 0 ? await openDatabase() : undefined;
  // A schema that is behind lacks some of what they ask; the servers' line says so.
  const asked = async <T>(ask: (database: Database) => Promise<T>): Promise<T | undefined> =>
    database && ask(database).catch(() => undefined);
  const facts = await asked(({ pool }) => cacheFacts(pool, clock.now()));
  const unread = await asked(({ refreshes }) => refreshes.unread(clock.now()));
  return {
    at: clock.now(),
    servers,
    ...(isUp('queue') ? { outages: await ground.outages.all() } : {}),
    caches: await Promise.all(
      config.caches.map(async (def) => {
        const known = facts && (facts.get(def.name) ?? { keys: 0, accesses: 0, measured: 0, misses: 0 });
        const { measured = 0, ...reads } = known ?? {};
        const [lastRun] = (await asked(({ plans }) => plans.list({ cache: def.name, limit: 1 }))) ?? [];
        const experts = (await asked(({ forecasts }) => forecasts.standings(def.name))) ?? [];
        const ledger = dirty && def.writeBehind && isUp('buffer') ? await dirty.ledger(def.name) : undefined;
        const [scorecard] = (await asked(({ plans }) => plans.scores(def.name, { plans: 1 }))) ?? [];
        const [choice] = (await asked(({ forecasts }) => forecasts.choices(def.name))) ?? [];
        const limits = isUp('queue') ? await budget.state(def.origin) : { factor: 1, ...def.origin.budget };
        return {
          cache: def.name,
          ...reads,
          ...(known && measured > 0 ? { hitRatio: 1 - known.misses / measured } : {}),
          ...(lastRun === undefined ? {} : { lastRun }),
          ...(def.refreshAhead === undefined || unread === undefined
            ? {}
            : { refreshed: unread.get(def.name) ?? { entries: 0, unread: 0 } }),
          ...(ledger === undefined ? {} : { dirty: ledger }),
          ...(scorecard === undefined ? {} : { scorecard }),
          ...(choice === undefined ? {} : { choice }),
          ...(experts.length === 0 ? {} : { experts }),
          budget: {
            origin: def.origin.name,
            factor: limits.factor,
            ...(limits.perSecond === undefined ? {} : { perSecond: limits.perSecond }),
          },
        };
      }),
    ),
    queues: isUp('queue')
      ? await Promise.all(
          config.jobs.map(async ({ name }) => {
            const oldestMs = await producer.oldestMs(name);
            return {
              job: name,
              counts: { ...(await producer.counts(name)) },
              workers: await producer.workers(name),
              ...(oldestMs === undefined ? {} : { oldestMs }),
            };
          }),
        )
      : [],
    schedules: isUp('queue') ? await cron.list(1) : [],
  };
}
