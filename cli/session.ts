import { systemClock } from '../src/clock.ts';
import type { Samovar } from '../src/facade.ts';
import { createLog, type LogLevel } from '../src/log.ts';
import { type Flags, flagNames } from '../src/read-config.ts';
import type { CliContext, ExitCode, GlobalOptions } from './context.ts';
import { createOutput, type Output } from './output.ts';

/** A command line being carried out: what its command is given, and how it ends. */
export interface Session {
  readonly context: CliContext;
  /** Takes the parsed options, before the command's action runs. */
  settle(options: Record<string, unknown>): void;
  /** Stops what the command opened. */
  close(): Promise<void>;
  /** What the command asked for, else a signal's, else `otherwise`. */
  exitCode(otherwise?: ExitCode): ExitCode;
}

const closePatienceMs = 5_000;
const signalCodes = { SIGINT: 130, SIGTERM: 143 } as const;

export function openSession(command: string | undefined): Session {
  let options: GlobalOptions = { json: false, quiet: false, verbose: false };
  let flags: Flags = {};
  let output: Output | undefined;
  let samovar: Promise<Samovar> | undefined;
  let asked: ExitCode | undefined;
  let signalled: ExitCode | undefined;
  let heedsSignals = false;
  const interrupt = new AbortController();

  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // The second one, or one that the command does not look out for, ends the process at once.
      if (signalled !== undefined || !heedsSignals) process.exit(signalCodes[name]);
      signalled = signalCodes[name];
      interrupt.abort(new Error(name));
    });
  }

  const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
    let made: Promise<T> | undefined;
    return () => {
      made ??= make();
      return made;
    };
  };
  const config = once(async () => (await import('./load.ts')).loadCliConfig({ ...options, flags }));
  const log = once(async () =>
    createLog({ level: logLevel(command, options, flags, (await config()).log.level) }),
  );

  const context: CliContext = {
    clock: systemClock,
    get output() {
      output ??= createOutput({
        ...options,
        env: process.env,
        stdout: process.stdout,
        stderr: process.stderr,
      });
      return output;
    },
    get options() {
      return options;
    },
    get signal() {
      heedsSignals = true;
      return interrupt.signal;
    },
    config,
    log,
    samovar() {
      samovar ??= (async () => {
        const { createSamovar } = await import('../src/samovar.ts');
        return createSamovar(await config(), { log: await log() });
      })();
      return samovar;
    },
    exitWith: (code) => {
      asked = code;
    },
  };

  return {
    context,
    settle(given) {
      output = undefined;
      const text = (name: string) => given[name] as string | undefined;
      const config = text('config');
      const envFile = text('envFile');
      options = {
        json: given['json'] === true,
        quiet: given['quiet'] === true,
        verbose: given['verbose'] === true,
        color: given['color'] !== false,
        ...(config === undefined ? {} : { config }),
        ...(envFile === undefined ? {} : { envFile }),
      };
      const optionOf = (flag: string) =>
        flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      flags = Object.fromEntries(
        Object.entries(flagNames).map(([path, flag]) => [path, text(optionOf(flag))]),
      );
    },
    async close() {
      const opened = await samovar?.catch(() => undefined); // it was told where it was asked for
      // Nothing here is worth waiting for longer: what a worker hands back, it has handed back before.
      await Promise.race([opened?.stop(), systemClock.sleep(closePatienceMs)]);
    },
    exitCode: (otherwise = 0) => asked ?? signalled ?? otherwise,
  };
}

/** A worker's log is its output; of other commands only trouble is told, and by most the failure itself is enough. */
function logLevel(
  command: string | undefined,
  options: GlobalOptions,
  flags: Flags,
  configured: LogLevel,
): LogLevel {
  if (flags['log.level'] !== undefined || configured === 'silent') return configured;
  if (options.verbose) return 'debug';
  if (options.quiet) return 'error';
  if (command === 'worker') return configured;
  return command === 'warm' || command === 'import' ? 'warn' : 'error';
}
