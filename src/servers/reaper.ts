import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Clock } from '../clock.ts';

/**
 * A shell that outlives its owner by a moment. It blocks on a pipe which only the owner holds: when the owner ends,
 * however it ends, the pipe closes and the shell stops the server, removes what Postgres left in shared memory, and
 * removes the folder. Each line sent before that replaces the list of processes (the server first).
 */
const script = `
trap '' HUP INT TERM
signal=$1; container=$2; folder=$3
pids=
while read -r line; do pids=$line; done
server=\${pids%% *}
runs() {
  kill -0 $server 2>/dev/null || return 1
  # Ended, and its owner is too busy ending to collect it.
  case $(cat /proc/$server/stat 2>/dev/null || ps -o stat= -p $server 2>/dev/null) in *') Z '* | Z*) return 1 ;; esac
}
if [ -n "$server" ]; then
  kill -s "$signal" $server 2>/dev/null
  kill -s CONT $pids 2>/dev/null
  tries=0
  while runs && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
  kill -s KILL $pids 2>/dev/null
fi
if [ -n "$container" ]; then docker rm -f -v "$container" >/dev/null 2>&1; fi
if [ -f "$folder/data/postmaster.pid" ]; then
  segment=$(sed -n 7p "$folder/data/postmaster.pid")
  ipcrm -m \${segment##* } 2>/dev/null
fi
for again in 1 2 3 4 5; do
  rm -rf -- "$folder" 2>/dev/null && break
  # A file was still being written, or what was copied there came read-only.
  sleep 0.1
  chmod -R u+rwX -- "$folder" 2>/dev/null
done
`;

export interface ReaperOptions {
  /** Removed at the end. */
  readonly folder: string;
  /** How the server ends at once but tidily. */
  readonly signal?: 'KILL' | 'QUIT';
  /** The name of a Docker container to remove. */
  readonly container?: string;
}

export interface Reaper {
  /** Which processes to end when the owner is gone; none when the server is down. */
  watch(pids: readonly number[]): void;
  /** Ends what is still watched and removes the folder; resolves when that is done. */
  reap(): Promise<void>;
}

/** What to wait for at an exit: the folder, and how to close the pipe there and then. */
const waiting = new Map<Reaper, { folder: string; letGo(): void }>();

/** How many servers this process has started and not stopped. */
export const openServers = (): number => waiting.size;

// A normal exit waits until the reapers are through, so that nothing is left the moment the process is gone.
const onExit = () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (const { letGo } of waiting.values()) letGo();
  for (const { folder } of waiting.values()) {
    for (let tries = 0; existsSync(folder) && tries < 600; tries++) Atomics.wait(cell, 0, 0, 10);
  }
};

/** Starts the watcher of one server. */
export function startReaper(
  { folder, signal = 'KILL', container = '' }: ReaperOptions,
  clock: Clock,
): Reaper {
  const shell = spawn('/bin/sh', ['-c', script, 'samovar-reaper', signal, container, folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  // A shell killed from outside breaks the pipe; the folder then stays, which is all that can be done.
  shell.stdin.on('error', () => {});
  (shell.stdin as unknown as { unref?(): void }).unref?.();
  const gone = new Promise<void>((resolve) => shell.once('exit', () => resolve()));
  const reaper: Reaper = {
    watch: (pids) => void shell.stdin.write(`${pids.join(' ')}\n`),
    async reap() {
      shell.stdin.end();
      const limit = new AbortController();
      await Promise.race([gone, clock.sleep(15_000, limit.signal)]);
      limit.abort();
      waiting.delete(reaper);
      if (waiting.size === 0) process.off('exit', onExit);
    },
  };
  if (waiting.size === 0) process.on('exit', onExit);
  waiting.set(reaper, { folder, letGo: () => shell.stdin.destroy() });
  return reaper;
}
