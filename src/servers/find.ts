import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Identity } from './folder.ts';

const usualFolders = [
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  '/snap/bin',
];

/** The first of these programs on PATH or in the usual folders. */
export function findProgram(names: readonly string[], folders = programFolders()): string | undefined {
  for (const name of names) {
    for (const folder of folders) {
      const file = join(folder, name);
      if (isProgram(file)) return file;
    }
  }
  return undefined;
}

const programFolders = (): string[] => [
  ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
  ...usualFolders,
];

/** A Redis server's program and the name to call it by. */
export interface RedisProgram {
  readonly file: string;
  readonly argv0: string;
}

const redisNames = ['redis-server', 'valkey-server', 'keydb-server', 'redis-check-rdb', 'valkey-check-rdb'];
const oldestRedis = 6.2;

/** A Redis server on this machine, version 6.2 or later. Debian's checker is the server itself under another name. */
export function findRedis(folders = programFolders()): RedisProgram | undefined {
  for (const name of redisNames) {
    for (const folder of new Set(folders)) {
      const file = join(folder, name);
      if (!isProgram(file)) continue;
      const argv0 = name.replace('check-rdb', 'server');
      const asked = spawnSync(file, ['--version'], { argv0, encoding: 'utf8', timeout: 10_000 });
      const version = /\bv=(\d+\.\d+)/.exec(asked.stdout ?? '')?.[1];
      if (version !== undefined && Number(version) >= oldestRedis) return { file, argv0 };
    }
  }
  return undefined;
}

const oldestPostgres = 14;

/** The folder of a `postgres` and `initdb` (14 or later) that the identity can run: PATH first, then the usual folders. */
export function findPostgres(identity?: Identity, folders = postgresFolders()): string | undefined {
  return folders.find((folder) => {
    if (!isProgram(join(folder, 'postgres')) || !isProgram(join(folder, 'initdb'))) return false;
    const asked = spawnSync(join(folder, 'postgres'), ['--version'], {
      ...identity,
      cwd: '/',
      encoding: 'utf8',
      timeout: 10_000,
    });
    return Number(/ (\d+)/.exec(asked.stdout ?? '')?.[1] ?? 0) >= oldestPostgres;
  });
}

const postgresFolders = (): string[] => [
  ...programFolders(),
  ...below('/usr/lib/postgresql', /^\d+$/),
  ...below('/opt/homebrew/opt', /^postgresql(@\d+)?$/),
  ...below('/usr/local/opt', /^postgresql(@\d+)?$/),
  ...below('/usr', /^pgsql-\d+$/),
];

/** The `bin` folders below a folder, newest version first. */
function below(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort((a, b) => Number(b.replace(/\D/g, '')) - Number(a.replace(/\D/g, '')))
      .map((name) => join(folder, name, 'bin'));
  } catch {
    return []; // no such folder on this platform
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
