import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { chooseRedis, installLine, type Machine, type Way } from './choose.ts';
import { runRedisContainer } from './docker.ts';
import type { RedisProgram } from './find.ts';
import { makeFolder } from './folder.ts';
import { foreignServer } from './foreign.ts';
import { installRedis, unpackRedis } from './install.ts';
import { inspectMachine } from './machine.ts';
import { answers } from './port.ts';
import { guarded, runServer, type Server } from './server.ts';

export type RedisRole = 'queue' | 'cache' | 'buffer';

export interface RedisOptions {
  /** @default 'cache' */
  readonly role?: RedisRole;
  /** Bytes, or as Redis writes it: `'64mb'`. The cache role has 256 MB unless told. */
  readonly maxMemory?: string | number;
  /** Further lines of redis.conf, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Keep an append-only file, so that a restart keeps the data. On for the buffer role unless told. */
  readonly appendOnly?: boolean;
  /** Use the server of the environment's URL where one is named. */
  readonly useEnvironment?: boolean;
  /** Told, in a few words, of what takes long: a download, an installation. */
  readonly notice?: (text: string) => void;
  /** Where to listen on the loopback, asked again if the port turns out to be taken; a free port unless told. */
  readonly pickPort?: () => Promise<number>;
  readonly clock?: Clock;
}

const variables = { queue: 'QUEUE_REDIS_URL', cache: 'REDIS_URL', buffer: 'BUFFER_REDIS_URL' } as const;

/** A Redis of one's own, with the eviction policy its role needs. Throws E_SERVERS when none can be had. */
export async function startRedis(options: RedisOptions = {}): Promise<Server> {
  if (options.useEnvironment) {
    const variable = [variables[options.role ?? 'cache'], 'REDIS_URL'].find((name) => process.env[name]);
    if (variable) return foreignServer(process.env[variable]!, variable);
  }
  return startRedisOn(await inspectMachine(), options);
}

/** The same, on a machine that was looked at before. */
export async function startRedisOn(machine: Machine, options: RedisOptions): Promise<Server> {
  const { clock = systemClock, notice = () => {}, pickPort } = options;
  const password = randomBytes(12).toString('hex');
  const settings = redisSettings(options, password);
  const hints: string[] = [];
  for (const way of chooseRedis(machine)) {
    let program: RedisProgram;
    try {
      if (way.kind === 'docker') {
        notice('starting Redis with Docker');
        return await runRedisContainer(settings, password, clock, pickPort);
      }
      program = way.kind === 'program' ? way.program : await once(way, clock, notice);
    } catch (error) {
      if (!(error instanceof SamovarError)) throw error;
      hints.push(messageOf(error), ...error.hints.map((line) => `  ${line}`));
      continue;
    }
    // Where a program is there and does not run, another one would not be the remedy.
    return runProgram(program, settings, password, clock, pickPort);
  }
  hints.push(installLine('Redis', machine));
  if (!machine.hasDocker && machine.platform !== 'win32') hints.push('or start Docker');
  if (options.useEnvironment) hints.push(`or set ${variables[options.role ?? 'cache']} to a Redis you have`);
  throw new SamovarError('E_SERVERS', 'there is no Redis here, and none could be installed', { hints });
}

// Roles are started side by side; the machine's package manager is asked once.
const under = new Map<Way['kind'], Promise<RedisProgram>>();

function once(
  way: Extract<Way, { kind: 'install' | 'unpack' }>,
  clock: Clock,
  notice: (text: string) => void,
): Promise<RedisProgram> {
  const already = under.get(way.kind);
  if (already !== undefined) return already;
  const started = way.kind === 'install' ? installRedis(way, notice) : unpackRedis(clock, notice);
  under.set(way.kind, started);
  return started;
}

function runProgram(
  program: RedisProgram,
  settings: readonly Setting[],
  password: string,
  clock: Clock,
  pickPort?: () => Promise<number>,
): Promise<Server> {
  const folder = makeFolder('redis');
  const file = join(folder, 'redis.conf');
  const lines = settings.map(([name, value]) => `${name} ${value === '' ? '""' : value}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return guarded({ folder }, clock, (reaper) =>
    runServer(
      {
        kind: 'Redis',
        how: program.file,
        folder,
        command: program.file,
        argv0: program.argv0,
        stopSignal: 'SIGTERM',
        args: (port) => [file, '--port', String(port), '--bind', '127.0.0.1'],
        url: (port) => `redis://:${password}@127.0.0.1:${port}`,
        isReady: (port) => answers(port, `AUTH ${password}\r\nPING\r\n`, /^\+OK\r\n\+PONG/, clock),
      },
      reaper,
      clock,
      pickPort,
    ),
  );
}

type Setting = readonly [name: string, value: string];

/** redis.conf for a role. A cache evicts only what carries a TTL, which is everything but its bookkeeping. */
function redisSettings(options: RedisOptions, password: string): Setting[] {
  const isCache = options.role === 'cache';
  const maxMemory = options.maxMemory ?? (isCache ? '256mb' : undefined);
  const appendOnly = options.appendOnly ?? options.role === 'buffer';
  return [
    ['databases', '64'],
    ['save', ''],
    ['requirepass', password],
    ['appendonly', appendOnly ? 'yes' : 'no'],
    ...(maxMemory === undefined ? [] : [['maxmemory', String(maxMemory)] as const]),
    ['maxmemory-policy', isCache ? 'volatile-lfu' : 'noeviction'],
    ...Object.entries(options.settings ?? {}),
  ];
}
