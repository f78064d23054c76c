import type { Socket } from 'node:net';
import { Command, Redis } from 'ioredis';
import type { Client, Pool, PoolClient } from 'pg';
import { nextTurn, systemClock, type Timer } from './clock.ts';
import { hideSecrets, messageOf, SamovarError } from './errors.ts';

export type { Client, Pool, PoolClient, Redis };

export type RedisRole = 'cache' | 'queue' | 'buffer';

/** Capped at two seconds, so that work goes on soon after a server is back. */
const retryStrategy = (tries: number): number =>
  Math.min(200 * 2 ** Math.min(tries, 4), 2_000) + Math.random() * 200;
/** A primary that became a replica behind the same address is left for the new one, and the command sent again. */
const reconnectOnError = (error: Error): false | 2 => (error.message.includes('READONLY') ? 2 : false);

/** Told how every command ended. */
export interface Watch {
  ok(): void;
  /** Late: there was no answer in time, so far. */
  failed(isLate: boolean): void;
}

/** Whether an error of a command says that its time was over. */
export const isLate = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Command timed out';

export interface RedisConnectOptions {
  readonly role: RedisRole;
  readonly url: string;
  /** Where the address came from, for messages. */
  readonly from: string;
  /**
   * `command`: fails fast; `once`: as `command`, and sends nothing a second time; `blocking`: waits for ever, as BullMQ's
   * workers must; `subscriber`: pub/sub.
   */
  readonly use?: 'command' | 'once' | 'blocking' | 'subscriber';
  readonly commandTimeoutMs?: number;
  readonly onError?: (error: Error) => void;
}

/** Opens a connection that never throws by itself: a server that is away is told to `onError` and tried again. */
export function openRedis(options: RedisConnectOptions): Redis {
  const use = options.use ?? 'command';
  const redis = new Fair(options.url, {
    connectionName: `samovar-${options.role}`,
    retryStrategy,
    reconnectOnError,
    lazyConnect: true,
    ...(use === 'command' || use === 'once'
      ? {
          maxRetriesPerRequest: use === 'once' ? 0 : 1,
          enableOfflineQueue: false,
          commandTimeout: options.commandTimeoutMs ?? 2_000,
        }
      : { maxRetriesPerRequest: null }),
    // A write that was carried out before its answer was lost must not be carried out again unasked. The client then
    // settles what was under way only by the time a command may take.
    ...(use === 'once' ? { autoResendUnfulfilledCommands: false } : {}),
    // Who listens subscribes anew by itself, and must know that words may have been lost.
    ...(use === 'subscriber'
      ? { protocol: 2, autoResubscribe: false, autoResendUnfulfilledCommands: false }
      : {}),
  });
  redis.on('error', (error: Error) => options.onError?.(error));
  if (use === 'command') leaveSilence(redis);
  return redis;
}

/**
 * Calls a command late only when its answer is not there: a process that stood still finds its timers first, and only
 * then the answers of that time.
 */
class Fair extends Redis {
  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    // What is written past the client's own commands looks after itself.
    if (command instanceof Command && this.options.commandTimeout !== undefined) waitATurn(command);
    return super.sendCommand(command, stream);
  }
}
function waitATurn(command: Command): void {
  const { reject } = command;
  command.reject = (error) => {
    if (!isLate(error)) return reject(error);
    void nextTurn().then(() => {
      if (!command.isSettled) reject(error);
    });
  };
}

const silenceMs = 2_500;
const looksPerSilence = 5;

/**
 * Leaves a peer that is gone without a word: else its silence would last as long as TCP is patient. The client's own way
 * sets a timer for every command.
 */
function leaveSilence(redis: Redis): void {
  const inner = redis as unknown as { readonly stream: Socket; readonly commandQueue: { length: number } };
  let timer: Timer | undefined;
  redis.on('connect', () => {
    const { stream } = inner;
    let [heard, looks] = [stream.bytesRead, 0];
    timer?.stop();
    timer = systemClock.every(silenceMs / looksPerSilence, () => {
      if (inner.commandQueue.length === 0 || stream.bytesRead !== heard) {
        [heard, looks] = [stream.bytesRead, 0];
      } else if (++looks === looksPerSilence) {
        stream.destroy(new Error(`nothing was heard of the server for ${silenceMs} ms`));
      }
    });
  });
  redis.on('close', () => timer?.stop());
}

/** Leaves a connection that is up for a new one. */
export function reconnect(redis: Redis): void {
  if (redis.status === 'ready') redis.disconnect(true);
}

/** Waits until the server answers, or throws E_STORE_UNAVAILABLE / E_QUEUE_UNAVAILABLE with the real cause. */
export async function ready(
  redis: Redis,
  options: Pick<RedisConnectOptions, 'role' | 'url' | 'from'>,
): Promise<void> {
  let cause: Error | undefined;
  const note = (error: Error) => {
    cause ??= error;
  };
  redis.on('error', note);
  try {
    if (redis.status === 'wait') await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    throw unavailable(options, cause ?? error);
  } finally {
    redis.off('error', note);
  }
}

const unavailableCodes = {
  cache: 'E_STORE_UNAVAILABLE',
  queue: 'E_QUEUE_UNAVAILABLE',
  buffer: 'E_BUFFER_UNAVAILABLE',
} as const;

function unavailable(
  { role, url, from }: Pick<RedisConnectOptions, 'role' | 'url' | 'from'>,
  cause: unknown,
): SamovarError {
  const reason = messageOf(cause);
  return new SamovarError(
    unavailableCodes[role],
    `cannot reach the ${role} Redis at ${maskUrl(url)} (${from}): ${reason}`,
    { hints: [redisHint(reason, from)], cause },
  );
}

function redisHint(reason: string, from: string): string {
  if (/NOAUTH|WRONGPASS/.test(reason))
    return `set the right user and password in ${from}: redis://user:password@host:6379`;
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) return `the host name is not known here: correct ${from}`;
  if (/ECONNREFUSED/.test(reason))
    return `nothing listens there: start it (redis-server, docker compose up -d) or correct ${from}`;
  return `check the address in ${from}, the network, and whether it needs TLS (rediss://)`;
}

const redisPort = '6379';

/** Whether two addresses of Redis are written alike but for user, password and database. */
export function sameServer(a: string, b: string): boolean {
  const [one, other] = [new URL(a), new URL(b)];
  return one.hostname === other.hostname && (one.port || redisPort) === (other.port || redisPort);
}

/** The same, and one database as one user: another might not be allowed what this one is. */
export function sameDatabase(a: string, b: string): boolean {
  const databaseOf = (url: string) => Number(new URL(url).pathname.slice(1)) || 0;
  const isOneUser = new URL(a).username === new URL(b).username;
  return sameServer(a, b) && isOneUser && databaseOf(a) === databaseOf(b);
}

/** An address without its password. */
export function maskUrl(url: string): string {
  try {
    const parsed = new URL(url);
    if (parsed.password !== '') parsed.password = '***';
    return hideSecrets(parsed.toString());
  } catch {
    return '(not a URL)';
  }
}

export interface PostgresConnectOptions {
  readonly url: string;
  readonly from: string;
  readonly max?: number;
  readonly statementTimeoutMs?: number;
  /** Settings of each session, as `-c name=value`. */
  readonly settings?: string;
  /** Longest wait for a connection: to be made, or to be free. @default 5_000 */
  readonly waitMs?: number;
  readonly onError?: (error: Error) => void;
}

/**
 * Settings of sessions that write what then leaves the buffer: a database may have been told to answer before it has
 * written, and what was let go must be there to stay.
 */
export const lastingSession = '-c synchronous_commit=on -c lock_timeout=10000';

/** Opens a pool. `pg` is loaded only here and only now, so that applications which never need it do not pay for it. */
export async function openPostgres(options: PostgresConnectOptions): Promise<Pool> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: 'samovar',
    max: options.max ?? 8,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: options.waitMs ?? 5_000,
    statement_timeout: options.statementTimeoutMs ?? 300_000,
    allowExitOnIdle: true,
    ...(options.settings === undefined ? {} : { options: options.settings }),
  });
  pool.on('error', (error) => options.onError?.(error));
  return pool;
}

/** A connection of its own, for what belongs to a session: LISTEN is lost with it, and told to nobody but `onLost`. */
export async function openSession(
  { url, waitMs }: Pick<PostgresConnectOptions, 'url' | 'waitMs'>,
  onLost: () => void,
): Promise<Client> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    application_name: 'samovar-listener',
    connectionTimeoutMillis: waitMs ?? 5_000,
    query_timeout: 5_000,
    keepAlive: true,
  });
  client.on('error', onLost);
  client.on('end', onLost);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {}); // there was none
    throw error;
  }
  return client;
}

/** Throws E_DATABASE_UNAVAILABLE with the cause and the way out unless Postgres answers. */
export async function postgresReady(
  pool: Pool,
  options: Pick<PostgresConnectOptions, 'url' | 'from'>,
): Promise<void> {
  try {
    await pool.query('select 1');
  } catch (error) {
    throw databaseError(error, options);
  }
}

/** The error to show for anything Postgres refused at connecting. */
export function databaseError(
  error: unknown,
  { url, from }: Pick<PostgresConnectOptions, 'url' | 'from'>,
): SamovarError {
  const code = (error as { code?: string }).code ?? '';
  const reason = messageOf(error instanceof AggregateError ? (error.errors[0] ?? error) : error);
  const hint =
    code === '28P01' || code === '28000'
      ? `set the right user and password in ${from}`
      : code === '3D000'
        ? `create the database (createdb ${new URL(url).pathname.slice(1)}) or correct ${from}`
        : code === '53300'
          ? 'too many connections: lower the number of workers or raise max_connections'
          : `start Postgres (docker compose up -d) or correct ${from}`;
  return new SamovarError(
    'E_DATABASE_UNAVAILABLE',
    `cannot reach Postgres at ${maskUrl(url)} (${from}): ${reason}`,
    {
      hints: [hint],
      cause: error,
    },
  );
}
