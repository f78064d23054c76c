import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { SamovarError } from '../errors.ts';
import { findPostgres } from './find.ts';
import { makeFolder, plainIdentity } from './folder.ts';
import { foreignServer, runServer, type Server } from './server.ts';

export interface PostgresOptions {
  /** Survives a power cut, as in production; otherwise fsync is off. A killed server loses nothing either way. */
  readonly durable?: boolean;
  /** Server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Use the server of DATABASE_URL where it is set. */
  readonly useEnvironment?: boolean;
  readonly clock?: Clock;
}

/** A Postgres of one's own. Throws E_SERVERS when none can be had. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Server> {
  const { clock = systemClock } = options;
  const given = process.env['DATABASE_URL'];
  if (options.useEnvironment && given) return foreignServer(given, 'DATABASE_URL');
  const programs = findPostgres();
  if (!programs) throw new SamovarError('E_SERVERS', 'no Postgres on this machine');
  const identity = plainIdentity();
  const folder = makeFolder('postgres', identity);
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  try {
    const secret = join(folder, 'password');
    writeFileSync(secret, password, { mode: 0o600 });
    if (identity) chownSync(secret, identity.uid, identity.gid);
    const made = spawnSync(
      join(programs, 'initdb'),
      [
        '-D',
        data,
        '-U',
        'postgres',
        '-A',
        'scram-sha-256',
        '--pwfile',
        secret,
        '-E',
        'UTF8',
        '--locale=C',
        '--no-sync',
      ],
      { cwd: folder, env, encoding: 'utf8', ...identity },
    );
    if (made.status !== 0) {
      const said = `${made.stderr ?? ''}`.trim().split('\n').slice(-8);
      throw new SamovarError('E_SERVERS', `${join(programs, 'initdb')} failed`, {
        hints: said,
        cause: made.error,
      });
    }
    rmSync(secret);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const settings = { ...postgresSettings(options.durable ?? false), ...options.settings };
  return runServer(
    {
      kind: 'Postgres',
      how: join(programs, 'postgres'),
      folder,
      command: join(programs, 'postgres'),
      env,
      ...(identity ? { identity } : {}),
      stopSignal: 'SIGINT',
      crashSignal: 'QUIT',
      args: (port) => [
        '-D',
        data,
        '-p',
        String(port),
        ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
      ],
      url: (port) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      isReady: (_port, log) => log.includes('ready to accept connections'),
    },
    clock,
  );
}

const postgresSettings = (isDurable: boolean): Record<string, string> => ({
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // In the data folder, so that even a killed server leaves nothing in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
  timezone: 'UTC',
  log_timezone: 'UTC',
  ...(isDurable ? {} : { fsync: 'off', full_page_writes: 'off' }),
});
