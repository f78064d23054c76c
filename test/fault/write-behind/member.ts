import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Event, eventsOf } from '../history/event.ts';
import type { ProcessOptions } from './options.ts';

/** A process under test. */
export interface Member {
  readonly name: string;
  readonly isAlive: boolean;
  events(): readonly Event[];
  /** How many writes it was told are done. */
  acknowledged(): number;
  /** Resolves when it has ended, however. */
  readonly gone: Promise<void>;
  signal(name: NodeJS.Signals): void;
  say(word: string): void;
  /** Lets one go on that blocks itself. */
  unblock(): void;
  /** Lets it end of its own accord. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a process of what was built in the folder; resolves when it works. */
export async function startMember(
  folder: string,
  kind: 'client' | 'flusher' | 'whole' | 'job',
  options: ProcessOptions,
): Promise<Member> {
  const child: ChildProcess = fork(
    join(folder, 'test/fault/write-behind', `${kind}-worker.js`),
    [JSON.stringify(options)],
    {
      cwd: folder,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { PATH: process.env['PATH'] },
    },
  );
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-4_000);
  });
  let isAlive = true;
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => {
      isAlive = false;
      resolve();
    });
  });
  await Promise.race([once(child, 'message'), gone]);
  if (!isAlive) throw new Error(`the ${kind} ended at once: ${said}`);
  let readUpTo = 0;
  let acknowledged = 0;
  return {
    name: options.name,
    get isAlive() {
      return isAlive;
    },
    events: () => (existsSync(options.log) ? eventsOf(readFileSync(options.log, 'utf8')) : []),
    acknowledged() {
      const size = existsSync(options.log) ? statSync(options.log).size : 0;
      const more = Buffer.alloc(size - readUpTo);
      if (more.length === 0) return acknowledged;
      const file = openSync(options.log, 'r');
      readSync(file, more, 0, more.length, readUpTo);
      closeSync(file);
      const end = more.lastIndexOf('\n') + 1;
      readUpTo += end;
      acknowledged += more.toString('latin1', 0, end).split('{"e":"ok"').length - 1;
      return acknowledged;
    },
    gone,
    signal: (name) => void child.kill(name),
    say: (word) => void child.send(word),
    unblock: () => writeFileSync(`${options.log}.go`, ''),
    async stop() {
      if (isAlive && child.connected) child.send('stop', () => {});
      child.kill('SIGCONT');
      await gone;
      if (child.exitCode !== 0 && child.signalCode === null) throw new Error(`the ${kind} failed: ${said}`);
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
