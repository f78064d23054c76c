import type { Command } from 'commander';
import type { Clock } from '../src/clock.ts';
import type { Config } from '../src/config.ts';
import type { Samovar } from '../src/facade.ts';
import type { Log } from '../src/log.ts';
import type { Output } from './output.ts';

/** 0 ok, 1 unexpected, 2 usage or config, 3 server away, 4 partly failed, 5 doctor, 6 already running, 99 assertion, 130/143 signals. */
export type ExitCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 99 | 130 | 143;

/** What every command takes, before or after its name. */
export interface GlobalOptions {
  readonly config?: string;
  readonly envFile?: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color?: boolean;
}

/** All that a command gets from outside. Nothing in it connects or reads before it is asked to. */
export interface CliContext {
  readonly clock: Clock;
  readonly output: Output;
  /** Settled before a command's action runs. */
  readonly options: GlobalOptions;
  /** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
  /** The checked configuration. Throws E_CONFIG. */
  config(): Promise<Config>;
  /** JSON lines (readable on a terminal) on standard error, at the configured level. */
  log(): Promise<Log>;
  /** The running facade over the configuration, opened once and stopped when the command has ended. */
  samovar(): Promise<Samovar>;
  /** What the process exits with when the command ends without an error. @default 0 */
  exitWith(code: ExitCode): void;
}

/**
 * What each file in cli/ exports as `command`. Its action may throw: a SamovarError is printed with its hints and
 * mapped to an exit code. Global options (-c, --json ...) are added to it, and to its subcommands, by the caller.
 */
export type CommandFile = { readonly command: (context: CliContext) => Command };
