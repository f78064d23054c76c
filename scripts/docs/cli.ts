import type { Command } from 'commander';
import { commands } from '../../cli/commands.ts';
import type { CliContext } from '../../cli/context.ts';
import { createProgram } from '../../cli/program.ts';
import { generated } from './table.ts';

/** The help of a command as it is printed, without the options that all commands take. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text.replace(/\nGlobal Options:\n(?: .*\n)+/, '').trimEnd();
}

export async function cliPage(): Promise<string> {
  // Commands look at their context when they are carried out, and here none is.
  const program = await createProgram({} as CliContext, () => true, '0.0.0');
  const block = (command: Command) => `\`\`\`text\n${helpOf(command)}\n\`\`\``;
  const chapters = commands.map(({ name, summary }) => {
    const command = program.commands.find((each) => each.name() === name)!;
    const inner = command.commands.map((each) => `### samovar ${name} ${each.name()}\n\n${block(each)}`);
    return [
      `## samovar ${name}`,
      `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
      block(command),
      ...inner,
    ].join('\n\n');
  });
  return `# Commands

${generated}

Results go to standard output, logs and words to standard error; \`--json\` makes the result one JSON document. There are no
escape codes in a pipe, with \`NO_COLOR\` or with \`--no-color\`. A failure is \`✖ CODE sentence\` with its ways out on standard
error, and with \`--json\` \`{ "error": { "code", "message", "hints" } }\` on standard output.

${block(program)}

${chapters.join('\n\n')}
`;
}
