import { CommanderError } from 'commander';
import { type ErrorCode, hideSecrets, isSamovarError, messageOf } from '../src/errors.ts';
import type { ExitCode } from './context.ts';
import type { Output } from './output.ts';

/** What each error makes the process exit with; those that are not named exit with 1. */
export const exitCodes: Readonly<Partial<Record<ErrorCode, ExitCode>>> = {
  E_USAGE: 2,
  E_CONFIG: 2,
  E_CRON: 2,
  E_PAYLOAD: 2,
  E_KEY: 2,
  E_IMPORT: 2,
  E_UNKNOWN_CACHE: 2,
  E_UNKNOWN_JOB: 2,
  E_UNKNOWN_SCHEDULE: 2,
  E_UNKNOWN_RUN: 2,
  E_SCHEMA: 2,
  E_QUEUE_EVICTS: 2,
  E_BUFFER: 2,
  E_STORE_UNAVAILABLE: 3,
  E_BUFFER_UNAVAILABLE: 3,
  E_QUEUE_UNAVAILABLE: 3,
  E_DATABASE_UNAVAILABLE: 3,
  E_SERVERS: 3,
  E_ALREADY_RUNNING: 6,
};

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hints: readonly string[];
  readonly exitCode: ExitCode;
}

/** Anything that was thrown, as it is told to people and machines. No secret, no stack. */
export function failureOf(error: unknown, command = ''): Failure {
  if (error instanceof CommanderError) {
    return {
      code: 'E_USAGE',
      message: error.message.replace(/^error: /, ''),
      hints: [`see: samovar ${command === '' ? '' : `${command} `}--help`],
      exitCode: 2,
    };
  }
  const known = isSamovarError(error) ? error : undefined;
  const code = known?.code ?? driverCode(error);
  return {
    code,
    message: hideSecrets(messageOf(error)),
    hints: (known?.hints ?? driverHints[code] ?? []).map(hideSecrets),
    exitCode: exitCodes[code] ?? 1,
  };
}

const driverHints: Readonly<Partial<Record<ErrorCode, readonly string[]>>> = {
  E_SCHEMA: ['run: samovar migrate'],
  E_DATABASE_UNAVAILABLE: ['see which server is away: samovar doctor'],
  E_STORE_UNAVAILABLE: ['see which server is away: samovar doctor'],
  E_UNEXPECTED: ['run it again with --verbose to see where it came from'],
};

/** What a driver threw that nobody put into words. */
function driverCode(error: unknown): ErrorCode {
  const { code = '', message = '' } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code === '42P01' || code === '3F000') return 'E_SCHEMA';
  if (/^(08|57P|53)/.test(String(code)) || /Connection terminated/.test(String(message)))
    return 'E_DATABASE_UNAVAILABLE';
  if (/^E(CONNREFUSED|CONNRESET|NOTFOUND|AI_AGAIN|TIMEDOUT|PIPE|HOSTUNREACH)/.test(String(code)))
    return 'E_STORE_UNAVAILABLE';
  if (/Connection is closed|Stream isn't writeable|Command timed out/.test(String(message)))
    return 'E_STORE_UNAVAILABLE';
  return 'E_UNEXPECTED';
}

/** Tells of a failure: `✖ CODE sentence` and the ways out on standard error, or one JSON document on standard output. */
export function printFailure(
  failure: Failure,
  error: unknown,
  { output, stderr, verbose }: { output: Output; stderr: { write(text: string): unknown }; verbose: boolean },
): void {
  const { code, message, hints } = failure;
  if (output.isJson) output.data({ error: { code, message, hints } }, () => '');
  else {
    const { red, bold, dim } = output.errorColor;
    const [first, ...more] = message.split('\n');
    stderr.write(`${red('✖')} ${bold(code)} ${first}\n`);
    for (const line of more) stderr.write(`  ${line}\n`);
    for (const hint of hints) stderr.write(`    ${dim('→')} ${hint}\n`);
  }
  if (verbose && error instanceof Error) stderr.write(`${hideSecrets(error.stack ?? '')}\n`);
}
