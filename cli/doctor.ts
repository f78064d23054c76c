import { Command } from 'commander';
import { readMigrations } from '../src/files.ts';
import type { CliContext } from './context.ts';
import type { Finding } from './finding.ts';
import { examine } from './findings.ts';
import { idle } from './findings-config.ts';
import { withCauses } from './reach.ts';

const notes = `
Exit code 5 when it found errors, 0 when there are warnings alone.`;

/** Looks for what hurts most, and prints the fix of each finding. */
export const command = (context: CliContext): Command =>
  new Command('doctor')
    .description('Find unsafe settings of servers, schema and configuration, and the fix for each.')
    .addHelpText('after', notes)
    .action(async () => {
      const config = await context.config();
      const samovar = await context.samovar();
      const status = await samovar.status();
      const servers = await withCauses(config, status.servers);
      const findings = [
        ...examine(config, servers, readMigrations().at(-1)?.version ?? 0),
        ...idle(status.queues),
      ];
      const errors = findings.filter(({ level }) => level === 'error').length;
      const warnings = findings.filter(({ level }) => level === 'warning').length;
      context.output.data({ errors, warnings, findings }, () =>
        [
          ...findings.map((finding) => findingText(context, finding)),
          '',
          `${plural(errors, 'error')}, ${plural(warnings, 'warning')}`,
        ].join('\n'),
      );
      if (errors > 0) context.exitWith(5);
    });

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;

function findingText({ output: { color } }: CliContext, { level, subject, text, fixes }: Finding): string {
  const mark = { ok: color.green('✔'), warning: color.yellow('⚠'), error: color.red('✖') }[level];
  return [
    `${mark} ${color.bold(subject)}: ${text}`,
    ...fixes.map((fix) => `    ${color.dim('fix')}  ${fix}`),
  ].join('\n');
}
