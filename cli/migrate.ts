import { Command } from 'commander';
import { SamovarError } from '../src/errors.ts';
import type { SchemaStatus } from '../src/schema/postgres.ts';
import type { CliContext } from './context.ts';
import { instant } from './format.ts';
import { openSchema } from './schema.ts';

interface Options {
  readonly status?: true;
  readonly dryRun?: true;
  readonly sql?: true;
}

const notes = `
Any number of processes may migrate at once: one does, the others wait.
A schema that is newer than this program is refused (E_SCHEMA).

Examples
  samovar migrate --dry-run
  samovar migrate --sql | psql "$DATABASE_URL"`;

/** Applies the numbered files of sql/ that Postgres lacks. */
export const command = (context: CliContext): Command =>
  new Command('migrate')
    .description('Bring the schema "samovar" in Postgres up to date.')
    .option('--status', 'tell what is applied and what is pending')
    .option('--dry-run', 'tell what would be applied, and apply nothing')
    .option('--sql', 'print the pending statements instead')
    .addHelpText('after', notes)
    .action(async ({ status, dryRun, sql }: Options) => {
      if ([status, dryRun, sql].filter(Boolean).length > 1)
        throw new SamovarError('E_USAGE', 'only one of --status, --dry-run and --sql makes sense');
      const { schema, close } = await openSchema(context);
      try {
        if (sql) {
          const text = await schema.sql();
          return context.output.data({ sql: text }, () => text);
        }
        if (status) {
          const now = await schema.status();
          return context.output.data(now, () => statusText(context, now));
        }
        const { applied } = await schema.migrate({ dryRun: dryRun === true });
        const { version } = dryRun ? { version: undefined } : await schema.status();
        const names = applied.map(({ name }) => `  ${name}`).join('\n');
        const said =
          applied.length === 0 ? 'nothing is pending' : `${dryRun ? 'would apply' : 'applied'}:\n${names}`;
        context.output.data(
          { dryRun: dryRun === true, applied, ...(version === undefined ? {} : { version }) },
          () => said,
        );
      } finally {
        await close();
      }
    });

function statusText({ output }: CliContext, { version, needs, applied, pending }: SchemaStatus): string {
  const rows = [
    ...applied.map(({ name, appliedAt, isChanged }) => [
      name,
      isChanged ? 'applied, changed since' : 'applied',
      instant(appliedAt),
    ]),
    ...pending.map(({ name }) => [name, 'pending', '']),
  ];
  return `schema "samovar": version ${version}, this build needs ${needs}\n\n${output.table(['MIGRATION', 'STATE', 'APPLIED'], rows)}`;
}
