// node scripts/with-deps.mjs <command> [arguments…]
// Runs a command of node_modules/.bin; first installs the packages where they are not those of the lock file.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const lock = join(root, 'package-lock.json');

/** Ends the script with a message. */
function fail(text, code = 1) {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

/** The version of the package in a folder; undefined when there is none. */
function versionIn(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/** True when the packages are those of the lock file; builds for other platforms may be missing. */
function isInstalled() {
  if (!existsSync(lock)) return existsSync(modules);
  return Object.entries(JSON.parse(readFileSync(lock, 'utf8')).packages).every(([path, wanted]) => {
    if (!path.startsWith('node_modules/')) return true;
    const version = versionIn(join(root, path));
    return version === undefined
      ? wanted.optional === true
      : wanted.link === true || version === wanted.version;
  });
}

function canWrite(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function install() {
  process.stderr.write('installing packages …\n');
  const verb = existsSync(lock) ? 'ci' : 'install';
  const args = [verb, '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  // An account without a home of its own (nobody, a service) has no place for npm's cache.
  const usualCache = process.env.npm_config_cache ?? join(homedir(), '.npm');
  const ownCache = canWrite(usualCache) ? undefined : mkdtempSync(join(tmpdir(), 'samovar-npm-'));
  if (ownCache) args.push('--cache', ownCache);
  const npm = process.env.npm_execpath;
  const [file, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const done = spawnSync(file, [...before, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (ownCache) rmSync(ownCache, { recursive: true, force: true });
  if (done.error) fail(`cannot run npm: ${done.error.message}`);
  if (done.status !== 0) fail(`${done.stderr.trim()}\nnpm ${verb} failed`);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19))
  fail(`Samovar needs Node 20.19 or later; this is ${process.versions.node}`, 2);

const [command, ...args] = process.argv.slice(2);
if (!command) fail('usage: node scripts/with-deps.mjs <command> [arguments…]', 2);

if (!isInstalled()) install();

const own = join(modules, '.bin', command);
const child = spawn(existsSync(own) ? own : command === 'node' ? process.execPath : command, args, {
  stdio: 'inherit',
  env: {
    // tsx would leave a folder of what it has compiled in the temporary folder, for nothing: it is as quick without.
    TSX_DISABLE_CACHE: '1',
    ...process.env,
    PATH: [join(modules, '.bin'), process.env.PATH].join(delimiter),
  },
});
// A terminal sends Ctrl-C and its closing to the whole group: only what this script alone receives is passed on.
const isTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
process.on('SIGTERM', () => child.kill('SIGTERM'));
for (const name of ['SIGINT', 'SIGHUP']) process.on(name, () => isTerminal || child.kill(name));
child.on('error', (error) => fail(`cannot run ${command}: ${error.message}`));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
  process.kill(process.pid, signal);
});
