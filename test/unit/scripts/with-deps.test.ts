import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../../src/files.ts';

let project = '';

/** A project of one package, which lies beside it and so needs no registry. It has a program that tells of itself. */
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'samovar-with-deps-'));
  mkdirSync(join(project, 'scripts'));
  cpSync(join(packageRoot, 'scripts/with-deps.mjs'), join(project, 'scripts/with-deps.mjs'));
  mkdirSync(join(project, 'tool'));
  write('tool/package.json', { name: 'tool', version: '1.0.0', bin: { tool: 'tool.mjs' } });
  writeFileSync(
    join(project, 'tool/tool.mjs'),
    `#!/usr/bin/env node
    const [what, ...rest] = process.argv.slice(2);
    if (what === 'say') console.log(JSON.stringify(rest));
    if (what === 'end') process.exit(Number(rest[0]));
    if (what === 'wait') {
      process.on('SIGTERM', () => process.exit(41));
      process.on('SIGINT', () => process.exit(42));
      console.log('ready');
      process.stdin.resume();
    }
    if (what === 'die') process.kill(process.pid, 'SIGKILL');\n`,
    { mode: 0o755 },
  );
  write('package.json', { name: 'project', version: '1.0.0', devDependencies: { tool: 'file:./tool' } });
  makeLock();
});
afterEach(() => rmSync(project, { recursive: true }));

function makeLock(): void {
  const npm = spawnSync('npm', ['install', '--package-lock-only', '--offline'], {
    cwd: project,
    encoding: 'utf8',
  });
  expect(npm.status, npm.stderr).toBe(0);
}

const write = (path: string, value: unknown): void =>
  writeFileSync(join(project, path), `${JSON.stringify(value, null, 2)}\n`);

const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [join(project, 'scripts/with-deps.mjs'), ...args], {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { ...process.env, npm_config_offline: 'true', ...env },
  });

test('installs what is missing, once, and passes arguments on', () => {
  const first = run(['tool', 'say', '--json', 'two words', '']);
  expect(first.stderr).toBe('installing packages …\n');
  expect(first.stdout).toBe('["--json","two words",""]\n');
  expect(first.status).toBe(0);
  const second = run(['tool', 'say']);
  expect([second.stderr, second.stdout, second.status]).toEqual(['', '[]\n', 0]);
});

test('installs what production leaves out', () => {
  expect(run(['tool', 'say'], { NODE_ENV: 'production', npm_config_omit: 'dev' }).stdout).toBe('[]\n');
});

test('installs again when the lock file asks for something else, not when it was only touched', () => {
  run(['tool', 'say']);
  const lock = join(project, 'package-lock.json');
  const later = new Date(2100, 0, 1);
  utimesSync(lock, later, later);
  expect(run(['tool', 'say']).stderr).toBe('');
  cpSync(join(project, 'tool'), join(project, 'other'), { recursive: true });
  write('other/package.json', { name: 'other', version: '1.0.0', bin: { other: 'tool.mjs' } });
  const devDependencies = { tool: 'file:./tool', other: 'file:./other' };
  write('package.json', { name: 'project', version: '1.0.0', devDependencies });
  makeLock();
  expect(run(['other', 'say', 'new'])).toMatchObject({
    stderr: 'installing packages …\n',
    stdout: '["new"]\n',
  });
  expect(run(['tool', 'say']).stderr).toBe('');
});

test("trusts an installation of the user's own, unless it left out what is needed", () => {
  expect(spawnSync('npm', ['ci', '--offline'], { cwd: project }).status).toBe(0);
  expect(run(['tool', 'say']).stderr).toBe('');
  expect(spawnSync('npm', ['ci', '--offline', '--omit=dev'], { cwd: project }).status).toBe(0);
  expect(run(['tool', 'say']).stderr).toBe('installing packages …\n');
});

test('has a cache of its own where the account has none, and leaves none behind', () => {
  const homeless = join(project, 'no-home');
  writeFileSync(homeless, '');
  const temporary = join(project, 'temporary');
  mkdirSync(temporary);
  const done = run(['tool', 'say'], {
    HOME: homeless,
    npm_config_cache: join(homeless, '.npm'),
    TMPDIR: temporary,
  });
  expect([done.stdout, done.status]).toEqual(['[]\n', 0]);
  expect(existsSync(join(temporary)) && spawnSync('ls', [temporary], { encoding: 'utf8' }).stdout).toBe('');
});

test('says so when npm fails, and runs nothing', () => {
  write('package.json', {
    name: 'project',
    version: '1.0.0',
    devDependencies: { tool: 'file:./tool', left: '1.0.0' },
  });
  const done = run(['tool', 'say']);
  expect([done.stdout, done.status]).toEqual(['', 1]);
  expect(done.stderr).toMatch(/^installing packages …\nnpm .+\nnpm ci failed\n$/s);
});

test('ends as the command ends', () => {
  expect(run(['tool', 'end', '0']).status).toBe(0);
  expect(run(['tool', 'end', '99']).status).toBe(99);
  expect(run(['tool', 'die']).signal).toBe('SIGKILL');
  expect(run(['no-such-tool']).status).toBe(1);
  expect(run([]).status).toBe(2);
});

test.each([
  ['SIGTERM', 41],
  ['SIGINT', 42],
] as const)('passes %s on to the command', async (signal, code) => {
  run(['tool', 'say']);
  const child = spawn(process.execPath, [join(project, 'scripts/with-deps.mjs'), 'tool', 'wait'], {
    stdio: 'pipe',
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  child.kill(signal);
  expect(await exited).toEqual([code, null]);
});
