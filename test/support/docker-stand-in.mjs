// Answers the few docker commands the servers room gives by running the same Redis without a container.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const state = process.env.DOCKER_STAND_IN;
const [verb, ...rest] = process.argv.slice(2);
const name = verb === 'run' ? rest[rest.indexOf('--name') + 1] : rest.at(-1);
const file = join(state, `${name}.json`);
const load = () => JSON.parse(readFileSync(file, 'utf8'));

function start({ args, folder }) {
  mkdirSync(folder, { recursive: true });
  const child = spawn(process.env.DOCKER_REDIS, args, {
    cwd: folder,
    detached: true,
    stdio: 'ignore',
    argv0: 'redis-server',
  });
  child.unref();
  writeFileSync(file, JSON.stringify({ args, folder, pid: child.pid }));
}

function end() {
  const { pid } = load();
  spawnSync('/bin/sh', [
    '-c',
    `kill -CONT ${pid}; kill -KILL ${pid}; while kill -0 ${pid}; do sleep 0.02; done`,
  ]);
}

if (process.env.DOCKER_FAILS && verb !== 'rm') {
  process.stderr.write('docker: no space left on device\n');
  process.exit(125);
}
if (verb === 'info') process.stdout.write('28.0.0\n');
else if (verb === 'run') {
  const [, port] = rest[rest.indexOf('-p') + 1].split(':');
  const given = rest.slice(rest.indexOf('redis-server') + 1);
  start({ args: [...given, '--port', port, '--dir', '.'], folder: join(state, name) });
} else if (!existsSync(file)) process.exit(1);
else if (verb === 'restart') {
  end();
  start(load());
} else if (verb === 'pause') process.kill(load().pid, 'SIGSTOP');
else if (verb === 'unpause') process.kill(load().pid, 'SIGCONT');
else if (verb === 'kill') end();
else if (verb === 'rm') {
  end();
  rmSync(load().folder, { recursive: true, force: true });
  rmSync(file);
}
