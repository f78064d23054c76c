import { type Argument, Command, Option } from 'commander';
import { logLevels } from '../src/log.ts';
import { commands } from './commands.ts';
import type { CliContext } from './context.ts';

/** The options that every command takes, before or after its name. */
const globals = [
  new Option('-c, --config <file>', 'configuration (default: samovar.config.* here or above)'),
  new Option('--env-file <file>', 'variables (default: .env beside the configuration)'),
  new Option('--redis <url>', 'Redis of the entries (REDIS_URL)'),
  new Option('--queue-redis <url>', 'Redis of the queue (QUEUE_REDIS_URL)'),
  new Option('--buffer-redis <url>', 'Redis of buffered writes (BUFFER_REDIS_URL)'),
  new Option('--postgres <url>', 'Postgres of the analytics (DATABASE_URL)'),
  new Option('--log-level <level>', 'of the log on standard error (LOG_LEVEL)').choices(logLevels),
  new Option('--json', 'one JSON document on standard output'),
  new Option('-q, --quiet', 'only results and errors'),
  new Option('-v, --verbose', 'more log lines, and the stack of an error'),
  new Option('--no-color', 'no colours (also: NO_COLOR)'),
];

const groups = { Start: 'Start:', Look: 'Look:', Act: 'Act:', Check: 'Check:' } as const;

const after = `
Environment: REDIS_URL  QUEUE_REDIS_URL  BUFFER_REDIS_URL  DATABASE_URL
             LOG_LEVEL  PORT  HOST
Exit codes:  0 ok  1 unexpected  2 usage or configuration  3 a server is away
             4 partly failed  5 doctor found errors  6 already running
             99 an assertion failed  130/143 interrupted`;

/** A command in the list of commands: with its arguments, and without a word on options, which all have. */
const termOf = (command: Command): string =>
  [command.name(), ...command.registeredArguments.map(argumentOf)].join(' ');

const argumentOf = (argument: Argument): string => {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
};

/** The name of the command in the arguments; `samovar help warm` asks for warm. */
export function commandIn(args: readonly string[]): string | undefined {
  const withValue = new Set(
    globals.filter((each) => each.required).flatMap(({ short, long }) => [short, long]),
  );
  const words: string[] = [];
  for (let at = 0; at < args.length && words.length < 2; at++) {
    const arg = args[at]!;
    if (arg === '--') break;
    if (withValue.has(arg)) at++;
    else if (!arg.startsWith('-')) words.push(arg);
  }
  return words[0] === 'help' ? words[1] : words[0];
}

/** The whole command line; of the commands only the `wanted` ones are more than a line in the list. */
export async function createProgram(
  context: CliContext,
  wanted: (name: string) => boolean,
  version: string,
): Promise<Command> {
  const program = new Command('samovar')
    .description('Keeps a Redis cache warm, at a rate the database behind it can bear.')
    .usage('<command> [options]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', after)
    .configureHelp({ showGlobalOptions: true, helpWidth: 80, subcommandTerm: termOf });
  for (const option of globals) program.addOption(option);
  for (const { name, group, summary, load } of commands) {
    const command = wanted(name) ? (await load()).command(context) : new Command(name);
    program.addCommand(prepared(command.summary(summary).helpGroup(groups[group])));
  }
  return program;
}

/** Settings that commander does not hand down to commands which were made elsewhere. */
function prepared(command: Command): Command {
  command
    .configureHelp({ showGlobalOptions: true, helpWidth: 80 })
    .helpOption('-h, --help', 'print help')
    .allowExcessArguments(false)
    .showSuggestionAfterError(true)
    .helpCommand(false);
  for (const inner of command.commands) prepared(inner);
  return command;
}
