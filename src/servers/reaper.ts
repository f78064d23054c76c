import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Clock } from '../clock.ts';

/**
 * A shell that outlives its owner by a moment. It blocks on a pipe which only the owner holds: when the owner ends,
 * however it ends, the pipe closes and the shell stops the server, removes what Postgres left in shared memory, and
 * removes the folders. Each line sent before that replaces the list of processes (the server first).
 */
const script = `
trap '' HUP INT TERM
signal=$1; shift
pids=
while read -r line; do pids=$line; done
server=\${pids%% *}
if [ -n "$server" ]; then
  kill -s "$signal" $server 2>/dev/null
  kill -s CONT $pids 2>/dev/null
  tries=0
  while kill -0 $server 2>/dev/null && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
  kill -s KILL $pids 2>/dev/null
fi
if [ -f "$1/data/postmaster.pid" ]; then
  segment=$(sed -n 7p "$1/data/postmaster.pid")
  ipcrm -m \${segment##* } 2>/dev/null
fi
for again in 1 2 3 4 5; do rm -rf -- "$@" 2>/dev/null && break; sleep 0.1; done
`;

export interface Reaper {
  /** Which processes to end when the owner is gone; none when the server is down. */
  watch(pids: readonly number[]): void;
  /** Ends what is still watched and removes the folders; resolves when that is done. */
  reap(): Promise<void>;
}

const waiting = new Map<Reaper, readonly string[]>();

/** How many servers this process has started and not stopped. */
export const openServers = (): number => waiting.size;

// A normal exit waits until the reapers are through, so that nothing is left the moment the process is gone.
const onExit = () => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (const reaper of waiting.keys()) reaper.reap().catch(() => {});
  for (const folders of waiting.values()) {
    for (let tries = 0; folders.some((folder) => existsSync(folder)) && tries < 600; tries++)
      Atomics.wait(cell, 0, 0, 10);
  }
};

/** Starts the watcher of one server. `folders`: the server's own first; `signal`: how it ends at once but tidily. */
export function startReaper(signal: 'KILL' | 'QUIT', folders: readonly string[], clock: Clock): Reaper {
  const shell = spawn('/bin/sh', ['-c', script, 'samovar-reaper', signal, ...folders], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  // A shell killed from outside breaks the pipe; the folders then stay, which is all that can be done.
  shell.stdin.on('error', () => {});
  (shell.stdin as unknown as { unref?(): void }).unref?.();
  const gone = new Promise<void>((resolve) => shell.once('exit', () => resolve()));
  const reaper: Reaper = {
    watch: (pids) => void shell.stdin.write(`${pids.join(' ')}\n`),
    async reap() {
      shell.stdin.end();
      const limit = new AbortController();
      await Promise.race([gone, clock.sleep(10_000, limit.signal)]);
      limit.abort();
      forget();
    },
  };
  const forget = () => {
    waiting.delete(reaper);
    if (waiting.size === 0) process.off('exit', onExit);
  };
  if (waiting.size === 0) process.on('exit', onExit);
  waiting.set(reaper, folders);
  return reaper;
}
