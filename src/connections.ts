import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import {
  type Client,
  lastingSession,
  openPostgres,
  openRedis,
  openSession,
  type Pool,
  type Redis,
  sameDatabase,
} from './connect.ts';
import { messageOf, SamovarError } from './errors.ts';
import type { Emitter } from './events.ts';
import type { Log } from './log.ts';

/** The connections of one process, opened once and closed in the reverse order. */
export interface Connections {
  /** Entries, leases, tags. */
  readonly cache: Redis;
  /** Ticks, budgets, the access log; BullMQ's producers. */
  readonly queue: Redis;
  readonly queueUrl: string;
  /** Dirty writes; it sends nothing twice. Undefined where nothing is buffered. */
  readonly buffer: Redis | undefined;
  /** Whether entries and dirty writes are in one database, so that one script can touch both. */
  readonly isBufferInCache: boolean;
  /** Opens a connection to the cache's Redis that listens. */
  subscriber(): Redis;
  /** Opens on first use, so that applications which only read and enqueue never load `pg`. */
  pool(): Promise<Pool>;
  /** For writes to the origin: what is committed there is on disk, and no lock is waited for long. */
  writePool(): Promise<Pool>;
  /** Opens a connection to Postgres for what belongs to a session. */
  session(onLost: () => void): Promise<Client>;
  close(): Promise<void>;
}

/** How long the start of a process waits for a Redis that does not answer before it goes on without. */
const patienceMs = 1_000;

/**
 * Opens both Redis connections and waits a moment for them; a server that is away is no error here: reads then answer
 * from the loader, and commands say what is missing. Throws E_CONFIG when an address is not set.
 */
export async function openConnections(
  config: Config,
  {
    clock,
    events,
    log,
    isBuffered = false,
  }: { clock: Clock; events: Emitter; log: Log; isBuffered?: boolean },
): Promise<Connections> {
  const redisUrl = required(config.redis, 'redis', 'REDIS_URL', 'redis://127.0.0.1:6379');
  const queueUrl = config.queueRedis ?? redisUrl;
  const open = (role: 'cache' | 'queue', url: string) =>
    openRedis({
      role,
      url,
      ...(role === 'cache' ? { commandTimeoutMs: config.commandTimeoutMs } : {}),
      from: config.sources[role === 'cache' ? 'redis' : 'queueRedis'],
      onError: foldedErrors(role, events, log, clock),
    });
  const cache = open('cache', redisUrl);
  const queue = open('queue', queueUrl);
  const bufferUrl = config.bufferRedis ?? queueUrl;
  const buffer = isBuffered
    ? openRedis({
        role: 'buffer',
        use: 'once',
        url: bufferUrl,
        from: config.sources.bufferRedis,
        onError: foldedErrors('buffer', events, log, clock),
      })
    : undefined;
  const connecting = [cache, queue, ...(buffer ? [buffer] : [])].map((redis) =>
    redis.connect().catch(() => {}),
  );
  await Promise.race([Promise.all(connecting), clock.sleep(patienceMs)]);

  const postgresUrl = () =>
    required(config.postgres, 'postgres', 'DATABASE_URL', 'postgres://user:password@127.0.0.1:5432/app');
  let pool: Promise<Pool> | undefined;
  let writePool: Promise<Pool> | undefined;
  const openPool = (more: { statementTimeoutMs?: number; settings?: string } = {}) =>
    openPostgres({
      url: postgresUrl(),
      from: config.sources.postgres,
      onError: (error) => log.warn({ err: error }, 'postgres connection lost'),
      ...more,
    });
  return {
    cache,
    queue,
    queueUrl,
    buffer,
    isBufferInCache: sameDatabase(bufferUrl, redisUrl),
    subscriber: () =>
      openRedis({
        role: 'cache',
        use: 'subscriber',
        url: redisUrl,
        from: config.sources.redis,
        onError: foldedErrors('cache', events, log, clock),
      }),
    pool() {
      pool ??= openPool();
      return pool;
    },
    writePool() {
      writePool ??= openPool({
        statementTimeoutMs: 30_000,
        settings: lastingSession,
      });
      return writePool;
    },
    session: (onLost) => openSession({ url: postgresUrl() }, onLost),
    async close() {
      for (const each of [pool, writePool]) await (await each?.catch(() => undefined))?.end();
      cache.disconnect();
      queue.disconnect();
      buffer?.disconnect();
    },
  };
}

function required(url: string | undefined, option: string, variable: string, example: string): string {
  if (url !== undefined && url !== '') return url;
  throw new SamovarError(
    'E_CONFIG',
    `expected \`${option}\` to be an address such as '${example}', got nothing`,
    {
      hints: [`set ${variable}, or \`${option}\` in samovar.config.ts`],
    },
  );
}

/** A server that is away says so several times a second: every error counts, one line a minute is logged. */
function foldedErrors(
  role: 'cache' | 'queue' | 'buffer',
  events: Emitter,
  log: Log,
  clock: Clock,
): (error: Error) => void {
  let quietUntil = 0;
  let folded = 0;
  return (error) => {
    events.emit('store:failed', { role, message: messageOf(error) });
    folded += 1;
    if (clock.elapsed() < quietUntil) return;
    log.warn({ role, err: error, times: folded }, 'redis connection failed');
    quietUntil = clock.elapsed() + 60_000;
    folded = 0;
  };
}
