import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Clock } from '../clock.ts';
import { SamovarError } from '../errors.ts';
import { packageRoot } from '../files.ts';
import type { Way } from './choose.ts';
import { findRedis, type RedisProgram } from './find.ts';
import { makeFolder } from './folder.ts';
import { startReaper } from './reaper.ts';
import { run } from './run.ts';

type Notice = (text: string) => void;

const installLimitMs = 10 * 60_000;
const quiet = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1' };

/** Installs the system's package. Throws E_SERVERS with what the package manager said. */
export async function installRedis(
  way: Extract<Way, { kind: 'install' }>,
  notice: Notice,
): Promise<RedisProgram> {
  notice(`installing Redis: ${way.line}`);
  let complaint = '';
  for (const command of way.commands) {
    if (command.includes('apt-get')) {
      await run([...command.slice(0, command.indexOf('apt-get')), 'apt-get', 'update', '-q'], {
        timeoutMs: installLimitMs,
        env: quiet,
      });
    }
    const done = await run(command, { timeoutMs: installLimitMs, env: quiet });
    const program = done.isOk ? findRedis() : undefined;
    if (program) return program;
    complaint = done.complaint || `${command.at(-1)} holds no Redis server of version 6.2 or later`;
  }
  throw new SamovarError('E_SERVERS', `\`${way.line}\` gave no Redis`, { hints: complaint.split('\n') });
}

/**
 * Debian without root: fetches the package and what it needs as an ordinary user, with lists of our own, and unpacks
 * them into the project's cache folder. Nothing is installed. Throws E_SERVERS when that fails.
 */
export async function unpackRedis(clock: Clock, notice: Notice): Promise<RedisProgram> {
  const place = cachePlace();
  const kept = place && join(place, `redis-${process.arch}`);
  const before = kept && findRedis([kept]);
  if (before) return before;
  const cache = place && canWrite(place) ? place : undefined;
  notice('fetching Redis with apt-get, for this project alone');
  const work = cache ? mkdtempSync(join(cache, 'apt-')) : makeFolder('apt');
  const reaper = startReaper({ folder: work }, clock);
  try {
    const tree = join(work, 'tree');
    await unpackDebian('redis-tools', work, tree);
    addProgram(tree);
    const unpacked = findRedis([tree]);
    if (!unpacked) {
      throw new SamovarError('E_SERVERS', "Debian's redis-tools holds no server of version 6.2 or later");
    }
    // With no place to keep it, it goes when this process does.
    if (!cache || !kept) return unpacked;
    try {
      rmSync(kept, { recursive: true, force: true });
      renameSync(tree, kept);
    } catch (error) {
      if (!findRedis([kept])) throw error; // else somebody was faster
    }
    await reaper.reap();
    return findRedis([kept])!;
  } catch (error) {
    await reaper.reap();
    throw error;
  }
}

async function unpackDebian(name: string, work: string, tree: string): Promise<void> {
  for (const folder of ['lists/partial', 'archives/partial', 'tree'])
    mkdirSync(join(work, folder), { recursive: true });
  const settings = [
    `Dir::State::lists=${join(work, 'lists')}`,
    `Dir::Cache=${work}`,
    `Dir::Cache::archives=${join(work, 'archives')}`,
    'Debug::NoLocking=1',
    'APT::Sandbox::User=root',
    'Acquire::Retries=2',
  ].flatMap((setting) => ['-o', setting]);
  const apt = async (...args: string[]) => {
    const done = await run(['apt-get', ...settings, '-q', ...args], {
      timeoutMs: installLimitMs,
      env: quiet,
    });
    if (!done.isOk)
      throw new SamovarError('E_SERVERS', `apt-get ${args[0]} failed`, { hints: done.complaint.split('\n') });
    return done.output;
  };
  await apt('update');
  // Only what the machine lacks is fetched.
  await apt('install', '-y', '--no-install-recommends', '--download-only', name);
  const archives = readdirSync(join(work, 'archives')).filter((file) => file.endsWith('.deb'));
  for (const archive of archives) {
    const done = await run(['dpkg-deb', '-x', join(work, 'archives', archive), tree], {
      timeoutMs: installLimitMs,
    });
    if (!done.isOk)
      throw new SamovarError('E_SERVERS', `cannot unpack ${archive}`, { hints: done.complaint.split('\n') });
  }
}

/** Gives an unpacked tree one program to call, which finds its libraries wherever the tree is moved to. */
function addProgram(tree: string): void {
  const libraries = new Set<string>();
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (/\.so(\.|$)/.test(entry.name)) libraries.add(join('$tree', relative(tree, entry.parentPath)));
  }
  const script = [
    '#!/bin/sh',
    'tree=$(dirname "$0")',
    `export LD_LIBRARY_PATH="${[...libraries].join(':')}"`,
    'exec "$tree/usr/bin/redis-server" "$@"',
  ];
  if (!existsSync(join(tree, 'usr/bin/redis-server'))) {
    symlinkSync('redis-check-rdb', join(tree, 'usr/bin/redis-server'));
  }
  writeFileSync(join(tree, 'redis-server'), `${script.join('\n')}\n`, { mode: 0o755 });
}

/** Where tools keep what can be fetched again: `.cache` in the nearest node_modules. */
function cachePlace(): string | undefined {
  const parts = packageRoot.split(sep);
  const at = parts.lastIndexOf('node_modules');
  const modules = at >= 0 ? parts.slice(0, at + 1).join(sep) : join(packageRoot, 'node_modules');
  return existsSync(modules) ? join(modules, '.cache', 'samovar') : undefined;
}

function canWrite(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false; // a read-only installation: a temporary folder serves
  }
}
