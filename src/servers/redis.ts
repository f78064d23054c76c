import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { SamovarError } from '../errors.ts';
import { findRedis } from './find.ts';
import { makeFolder } from './folder.ts';
import { answers } from './port.ts';
import { foreignServer, runServer, type Server } from './server.ts';

export type RedisRole = 'queue' | 'cache' | 'buffer';

export interface RedisOptions {
  readonly role: RedisRole;
  /** Bytes, or as Redis writes it: `'64mb'`. The cache role has 256 MB unless told. */
  readonly maxMemory?: string | number;
  /** Keep an append-only file, so that a restart keeps the data. On for the buffer role unless told. */
  readonly appendOnly?: boolean;
  /** Use the server of the environment's URL where one is named. */
  readonly useEnvironment?: boolean;
  readonly clock?: Clock;
}

const variables = { queue: 'QUEUE_REDIS_URL', cache: 'REDIS_URL', buffer: 'BUFFER_REDIS_URL' } as const;

/** A Redis of one's own, with the eviction policy its role needs. Throws E_SERVERS when none can be had. */
export async function startRedis(options: RedisOptions): Promise<Server> {
  const { role, clock = systemClock } = options;
  if (options.useEnvironment) {
    const variable = [variables[role], 'REDIS_URL'].find((name) => process.env[name]);
    if (variable) return foreignServer(process.env[variable]!, variable);
  }
  const program = findRedis();
  if (!program) throw new SamovarError('E_SERVERS', 'no Redis on this machine');
  const password = randomBytes(12).toString('hex');
  const folder = makeFolder('redis');
  const settings = join(folder, 'redis.conf');
  writeFileSync(settings, redisSettings(options, password).join('\n'), { mode: 0o600 });
  return runServer(
    {
      kind: 'Redis',
      how: program.file,
      folder,
      command: program.file,
      argv0: program.argv0,
      stopSignal: 'SIGTERM',
      crashSignal: 'KILL',
      args: (port) => [settings, '--port', String(port)],
      url: (port) => `redis://:${password}@127.0.0.1:${port}`,
      isReady: (port) => answers(port, `AUTH ${password}\r\nPING\r\n`, /^\+OK\r\n\+PONG/),
    },
    clock,
  );
}

/** The lines of redis.conf for a role. A cache evicts only what carries a TTL, which is all but its bookkeeping. */
export function redisSettings(options: RedisOptions, password: string): string[] {
  const isCache = options.role === 'cache';
  const maxMemory = options.maxMemory ?? (isCache ? '256mb' : undefined);
  const appendOnly = options.appendOnly ?? options.role === 'buffer';
  return [
    'bind 127.0.0.1',
    'daemonize no',
    'databases 64',
    'save ""',
    `requirepass ${password}`,
    `appendonly ${appendOnly ? 'yes' : 'no'}`,
    ...(maxMemory === undefined ? [] : [`maxmemory ${maxMemory}`]),
    `maxmemory-policy ${isCache ? 'volatile-lfu' : 'noeviction'}`,
  ];
}
