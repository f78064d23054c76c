import { execFile } from 'node:child_process';

export interface Ran {
  readonly isOk: boolean;
  readonly output: string;
  /** The end of what it said on stderr, or why it could not be run. */
  readonly complaint: string;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  /** The whole environment; this process's own unless told. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly identity?: { uid: number; gid: number } | undefined;
  readonly onStart?: (pid: number) => void;
}

/** Runs a program to its end, without a terminal to ask on; never throws. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { timeoutMs = 10_000, env = process.env, cwd, identity, onStart } = options;
  return new Promise((resolve) => {
    const child = execFile(
      command[0]!,
      command.slice(1),
      {
        timeout: timeoutMs,
        maxBuffer: 16 * 1024 * 1024,
        env,
        killSignal: 'SIGKILL',
        ...(cwd ? { cwd } : {}),
        ...identity,
      },
      (error, output, said) => {
        const complaint = said.trim().split('\n').slice(-6).join('\n') || (error?.message ?? '');
        resolve({ isOk: error === null, output, complaint });
      },
    );
    child.stdin?.on('error', () => {}); // it may end before its input does
    child.stdin?.end();
    if (child.pid !== undefined) onStart?.(child.pid);
  });
}
