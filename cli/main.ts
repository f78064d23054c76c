import { CommanderError } from 'commander';
import { packageVersion } from '../src/files.ts';
import { failureOf, printFailure } from './failure.ts';
import { createOutput } from './output.ts';
import { commandIn, createProgram } from './program.ts';
import { openSession } from './session.ts';

/** Runs one command line and ends the process with its exit code. */
export async function main(args: readonly string[]): Promise<never> {
  // A reader that has seen enough (`samovar plan | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const name = commandIn(args);
  const session = openSession(name);
  try {
    const program = await createProgram(session.context, (each) => each === name, packageVersion);
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
    const has = (flag: string) => args.includes(flag);
    const output = createOutput({
      json: has('--json'),
      quiet: has('--quiet') || has('-q'),
      color: !has('--no-color'),
      env: process.env,
      stdout: process.stdout,
      stderr: process.stderr,
    });
    const failure = failureOf(error, name);
    printFailure(failure, error, { output, stderr: process.stderr, verbose: has('--verbose') || has('-v') });
    await session.close().catch(() => {}); // what went wrong first has been told
    process.exit(session.exitCode(failure.exitCode));
  }
}
