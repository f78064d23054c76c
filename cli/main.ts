import { CommanderError } from 'commander';
import { packageVersion } from '../src/files.ts';
import { commands } from './commands.ts';
import { failureOf, printFailure } from './failure.ts';
import { createOutput, type Output } from './output.ts';
import { commandIn, createProgram } from './program.ts';
import { openSession } from './session.ts';

/** Runs one command line and ends the process with its exit code. */
export async function main(args: readonly string[]): Promise<never> {
  // A reader that has seen enough (`samovar plan | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const name = commandIn(args);
  const session = openSession(name);
  const fail = async (error: unknown): Promise<never> => {
    const failure = failureOf(error, commands.some((each) => each.name === name) ? name : '');
    printFailure(failure, error, {
      output: plainOutput(args),
      stderr: process.stderr,
      verbose: has(args, '--verbose', '-v'),
    });
    await session.close().catch(() => {}); // what went wrong first has been told
    process.exit(session.exitCode(failure.exitCode));
  };
  process.once('uncaughtException', (error) => void fail(error));
  try {
    const program = await createProgram(
      session.context,
      (each) => name === undefined || each === name, // the list names the arguments of all
      packageVersion,
    );
    program.hook('preAction', (_, action) => session.settle(action.optsWithGlobals()));
    for (const command of [program, ...program.commands.flatMap((each) => [each, ...each.commands])])
      command.exitOverride().configureOutput({ outputError: () => {} });
    if (name === undefined && args.length === 0) {
      process.stderr.write(program.helpInformation());
      session.context.exitWith(2);
    } else await program.parseAsync(args, { from: 'user' });
    await session.close();
    process.exit(session.exitCode());
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) process.exit(0);
    return fail(error);
  }
}

const has = (args: readonly string[], ...flags: readonly string[]): boolean =>
  flags.some((flag) => args.includes(flag));

/** For failures, which may come before the options are parsed. */
const plainOutput = (args: readonly string[]): Output =>
  createOutput({
    json: has(args, '--json'),
    quiet: has(args, '--quiet', '-q'),
    color: !has(args, '--no-color'),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
  });
