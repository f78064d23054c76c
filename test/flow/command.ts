import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { packageRoot } from '../../src/files.ts';
import { bareEnvironment, until } from '../support/index.ts';

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const bin = join(packageRoot, 'bin/samovar.ts');

/** For what a process on a busy machine may take long to come to. */
export const patience = { timeoutMs: 60_000, everyMs: 50 };

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly said: { readonly out: string; readonly err: string };
  readonly ended: Promise<Ended>;
}

export interface Place {
  readonly folder: string;
  write(name: string, text: string): string;
  /** Runs the real program to its end. */
  run(...args: string[]): Promise<Ended>;
  /** The same, with more in its environment. */
  runWith(env: Record<string, string>, ...args: string[]): Promise<Ended>;
  /** The document that a command prints with --json; its failure is the test's. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  start(...args: string[]): Running;
}

/** A folder of its own, outside the repository, in which `samovar` is called with this environment and no other. */
export function place(env: Record<string, string> = {}): Place {
  const folder = mkdtempSync(join(tmpdir(), 'samovar-cli-'));
  const children = new Set<ChildProcess>();
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL'); // what a failed test left running
    rmSync(folder, { recursive: true });
  });

  const start = (more: Record<string, string>, args: readonly string[]): Running => {
    const child = spawn(process.execPath, ['--import', tsx, bin, ...args], {
      cwd: folder,
      env: { ...bareEnvironment(), HOME: folder, ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    child.once('close', () => children.delete(child));
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said.err += text;
    });
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...said }));
    return { child, said, ended };
  };

  const run = (...args: string[]) => start({}, args).ended;
  return {
    folder,
    write(name, text) {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
    run,
    runWith: (more, ...args) => start(more, args).ended,
    async json<T>(...args: string[]) {
      const { code, out, err } = await run(...args, '--json');
      if (out === '')
        throw new Error(`samovar ${args.join(' ')} ended with ${code} and said nothing but: ${err}`);
      return JSON.parse(out) as T;
    },
    start: (...args) => start({}, args),
  };
}

/** Waits for words on standard error; a process that ends before has failed. */
export async function says(running: Running, words: RegExp): Promise<string> {
  return until(
    () => {
      const { child, said } = running;
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said.err}`);
      return words.exec(said.err)?.[0];
    },
    `it says ${words}`,
    patience,
  );
}
