import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Another process of the bench, which answers questions. */
export interface Child {
  readonly pid: number;
  /** Rejects with what the child threw, or when it ends before it answers. */
  ask<Answer = void>(question: string, data?: unknown): Promise<Answer>;
  /** Kills it; resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

interface Question {
  readonly id: number;
  readonly question: string;
  readonly data: unknown;
}
type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/** A file beside this one, compiled or not as this one is. */
export const frameFile = (name: string): string =>
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url));

/** Runs a file of ours as a process of its own, under the same loader. */
export function startChild(file: string, nodeOptions: readonly string[] = []): Child {
  const child: ChildProcess = fork(file, {
    serialization: 'advanced',
    execArgv: [...process.execArgv, ...nodeOptions],
  });
  const open = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let asked = 0;
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    const onEnd = (why: string) => {
      isGone = true;
      for (const { reject } of open.values()) reject(new Error(`the process ${file} ended early: ${why}`));
      open.clear();
      resolve();
    };
    child.once('exit', (code, signal) => onEnd(signal ?? `exit code ${code}`));
    child.once('error', (error) => onEnd(error.message));
  });
  child.on('message', (answer: Answer) => {
    const waiting = open.get(answer.id);
    open.delete(answer.id);
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.value);
  });
  return {
    pid: child.pid ?? 0,
    ask: <Answer>(question: string, data?: unknown) =>
      new Promise<Answer>((resolve, reject) => {
        if (isGone) return reject(new Error(`the process ${file} has ended`));
        const id = ++asked;
        open.set(id, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ id, question, data } satisfies Question);
      }),
    async kill(signal = 'SIGKILL') {
      if (!isGone) child.kill(signal);
      await gone;
    },
  };
}

/** In the child: answers each question by the function of its name. Ends with the parent. */
export function serve(answers: Readonly<Record<string, (data: never) => unknown>>): void {
  process.on('message', async ({ id, question, data }: Question) => {
    const reply = (answer: Answer) => process.send?.(answer);
    try {
      const answer = answers[question];
      if (!answer) throw new Error(`no answer to '${question}'`);
      reply({ id, value: await answer(data as never) });
    } catch (error) {
      reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole group; the parent decides when its children end.
  process.on('SIGINT', () => {});
}

/** What this process has used since it began. */
export const usage = (): { cpuMs: number; peakMb: number } => {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1_000, peakMb: process.resourceUsage().maxRSS / 1_024 };
};
