import { createRecorder, type RunningRecorder } from '../access/recorder.ts';
import { createAccessLog } from '../access/redis.ts';
import type { Bus } from '../bus/bus.ts';
import { createRedisBus } from '../bus/redis.ts';
import { type Caches, createCaches } from '../cache/caches.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config, ConfigInput } from '../config.ts';
import { reconnect } from '../connect.ts';
import { type Connections, openConnections } from '../connections.ts';
import type { AnyCacheDef } from '../define.ts';
import type { Assured } from '../dirty/assured.ts';
import type { Reached, Target } from '../dirty/target.ts';
import { createDue, type DueIndex } from '../due/redis.ts';
import { dayMs, durationMs } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { createEmitter, type Emitter } from '../events.ts';
import type { Client, ReadOptions } from '../facade.ts';
import { type CallableParts, callable } from '../fronts/call.ts';
import { fetcher } from '../fronts/fetcher.ts';
import { holdOffsOf } from '../hold-off.ts';
import { type AnyJobDef, checkPayload } from '../job.ts';
import { createLog, type Log } from '../log.ts';
import { type Budget, createBudget } from '../origin/budget.ts';
import { createRedisLimiter } from '../origin/redis.ts';
import { createOutage } from '../outage/outage.ts';
import { createOutageNotes, type OutageNotes } from '../outage/redis-notes.ts';
import { createProducer, type Producer } from '../queue/producer.ts';
import { processEnvironment, readConfig } from '../read-config.ts';
import { refreshAheadOf } from '../refresh-ahead.ts';
import { createRedisStore } from '../store/redis.ts';
import type { Store } from '../store/store.ts';
import { createRedisTags, tagsKey } from '../tags/redis.ts';
import type { Tags } from '../tags/tags.ts';
import { policyOf } from '../ttl/ttl.ts';
import { configured, definitionOf } from './configured.ts';
import { createWake, needsBuffer, newHolder, openDirty } from './dirty.ts';
import { dueCaches, feeding } from './due.ts';
import { createInvalidating } from './invalidating.ts';

export interface ClientOptions {
  readonly log?: Log;
  readonly clock?: Clock;
  /** Whether reads here are counted. @default config.access.record */
  readonly record?: boolean;
  /** For tests of what happens in between: told where a flush has got to, and waited for. */
  readonly reached?: Reached;
}

/** The rooms of a process that only reads, invalidates and enqueues, standing on their connections. */
export interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Emitter;
  readonly connections: Connections;
  readonly address: { readonly url: string; readonly from: string };
  readonly producer: Producer;
  readonly accessLog: ReturnType<typeof createAccessLog>;
  readonly recorder: RunningRecorder;
  readonly tags: Tags;
  readonly store: Store;
  readonly bus: Bus;
  readonly budget: Budget;
  readonly due: DueIndex;
  readonly outages: OutageNotes;
  readonly caches: Caches;
  /** Undefined where nothing is buffered. */
  readonly dirty: Assured | undefined;
  readonly reached: Reached | undefined;
  close(): Promise<void>;
}

/** An entry with tags lives at most its ttl and grace, and the time a load may take; markers outlive it by a day. */
const longestLifeMs = (config: Config): number =>
  Math.max(
    0,
    ...config.caches.map(
      (def) =>
        policyOf(def).longestMs * (refreshAheadOf(def)?.max ?? 1) +
        durationMs(def.grace ?? 0, `caches.${def.name}.grace`),
    ),
  ) + dayMs;

export interface GroundOptions extends ClientOptions {
  /** Opens where the upserts of a cache go to. @default nowhere: Postgres is out of reach */
  readonly openTarget?: (ground: Ground, def: AnyCacheDef) => Promise<Target>;
}

export async function openGround(input: ConfigInput | Config, options: GroundOptions = {}): Promise<Ground> {
  const config = readConfig(input, { env: processEnvironment() });
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLog({ level: config.log.level });
  const events = createEmitter((error) => log.error({ err: error }, 'an event listener failed'));
  const connections = await openConnections(config, {
    clock,
    events,
    log,
    isBuffered: needsBuffer(config),
  });
  const { prefix } = config;
  const address = { url: connections.queueUrl, from: config.sources.queueRedis };
  const producer = createProducer({
    redis: connections.queue,
    address,
    prefix,
    clock,
    onChange: (isAway) => events.emit('store:changed', { role: 'queue', isAway }),
  });
  const accessLog = createAccessLog(connections.queue, { prefix });
  const recorder = createRecorder({
    log: (options.record ?? config.access.record) ? accessLog : { append: async () => ({ lost: 0 }) },
    clock,
    events,
    ...config.access,
  });
  const bus = createRedisBus(connections.cache, {
    prefix,
    clock,
    openSubscriber: connections.subscriber,
    tracked: config.caches.filter(({ memory }) => memory?.tracking).map(({ name }) => name),
    onRefused: (error) =>
      log.warn({ err: error }, 'the cache Redis refuses CLIENT TRACKING: nothing is kept in memory'),
  });
  const holdOffs = holdOffsOf(config.caches);
  const outage = createOutage({
    clock,
    events,
    reconnect: () => reconnect(connections.cache),
    most: config.keptInvalidations,
    tagged: config.caches.filter((def) => def.tags !== undefined).map((def) => def.name),
    open: (watch) => ({
      tags: createRedisTags(connections.cache, {
        prefix,
        voice: bus,
        keepMs: longestLifeMs(config),
        notesTimes: holdOffs.size > 0,
        watch,
      }),
      store: createRedisStore(connections.cache, {
        prefix,
        voice: bus,
        tagsKey: tagsKey(prefix),
        holdOffs,
        watch,
      }),
    }),
  });
  connections.cache.on('ready', outage.wake);
  const outages = createOutageNotes(connections.queue, {
    prefix,
    clock,
    process: newHolder(),
    look: () => outage,
  });
  for (const name of ['store:changed', 'invalidation:kept', 'invalidation:replayed'] as const)
    events.on(name, outages.changed);
  const { tags, bare } = outage;
  const due = createDue(connections.cache, {
    prefix,
    clock,
    caches: dueCaches(config),
    onDropped: (cache, keys, why) => events.emit('due:dropped', { cache, keys, why }),
  });
  const store = feeding(outage.store, due);
  const budget = createBudget(createRedisLimiter(connections.queue, { prefix }), { clock, events });
  events.on('key:hashed', ({ cache }) =>
    log.warn({ cache }, 'a key is longer than 8,192 bytes: it is stored under its hash, and never warmed'),
  );
  const dirty = openDirty({ config, connections, clock, log, events });
  const { openTarget, reached } = options;
  const caches = createCaches(config.caches, {
    store,
    tags,
    bare,
    budget,
    clock,
    events,
    recorder,
    bus,
    dirty,
    wake: createWake({ config, clock, log }, producer),
    patienceMs: config.commandTimeoutMs,
    openTarget: openTarget && ((cache) => openTarget(ground, definitionOf(config, cache))),
  });
  const ground: Ground = {
    config,
    clock,
    log,
    events,
    connections,
    address,
    producer,
    accessLog,
    recorder,
    tags,
    store,
    bus,
    budget,
    due,
    outages,
    caches,
    dirty,
    reached,
    async close() {
      await caches.stop();
      await due.close();
      const left = await outage.stop();
      if (left > 0)
        log.warn({ invalidations: left }, 'the cache Redis is away: invalidations are left behind');
      await outages.stop();
      bus.close();
      await recorder.stop();
      await producer
        .close()
        .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'queue not closed'));
      await connections.close();
    },
  };
  return ground;
}

/** The application's face over the ground. */
export function clientOf<const Defs extends readonly AnyCacheDef[]>(ground: Ground): Client<Defs> {
  const { config, caches, producer, recorder, events } = ground;
  let closing: Promise<void> | undefined;
  const alive = <T>(use: () => T): T => {
    if (closing !== undefined) throw new SamovarError('E_STOPPED', 'this Samovar has been stopped');
    return use();
  };
  const changing = createInvalidating(ground);
  const frontParts = (cache: string, options: ReadOptions | undefined): CallableParts => ({
    clear: async () => alive(() => caches.invalidate({ cache, all: true })),
    ...(options === undefined ? {} : { options }),
  });
  return {
    config: config as unknown as Config<Defs>,
    events,
    cache: (def) => alive(() => caches.open(def)),
    fetcher: (def, options) => alive(() => fetcher(caches.open(def), frontParts(def.name, options))),
    callable: (def, options) => alive(() => callable(caches.open(def), frontParts(def.name, options))),
    invalidate: async (what) => alive(() => changing.invalidate(what)),
    invalidateIn: async (client, what) => alive(() => changing.invalidateIn(client, what)),
    collect: () => alive(changing.collect),
    transaction: async (pool, work) => alive(() => changing.transaction(pool, work)),
    enqueue: async (job, payload, { once, delay } = {}) =>
      alive(() =>
        producer.enqueue(configured(config, job?.name), checked(config, job, payload), {
          ...(once === undefined ? {} : { once }),
          ...(delay === undefined ? {} : { delayMs: durationMs(delay, 'delay') }),
        }),
      ),
    flushAccesses: () => recorder.flush(),
    stop() {
      closing ??= ground.close();
      return closing;
    },
  };
}

/** The payload as the job wants it. A cache that nobody configured is refused here, not in a worker's log. */
function checked(config: Pick<Config, 'caches'>, job: AnyJobDef, payload: unknown): unknown {
  const parsed: unknown = checkPayload(job, payload);
  const { cache } = (parsed ?? {}) as { cache?: unknown };
  if (typeof cache === 'string') definitionOf(config, cache);
  return parsed;
}
