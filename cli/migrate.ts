import { Command } from 'commander';
import type { WholeSchema } from '../src/compose/schema.ts';
import { SamovarError } from '../src/errors.ts';
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
A schema that is newer than this program is refused (E_SCHEMA). Tables that
\`invalidateOn\` names get triggers; those it names no more lose them.

Examples
  samovar migrate --dry-run
  samovar migrate --sql | psql "$DATABASE_URL"`;

/** Applies the numbered files of sql/ that Postgres lacks, and makes the triggers that `invalidateOn` asks for. */
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
        const { applied, triggers } = await schema.migrate({ dryRun: dryRun === true });
        const { version } = dryRun ? { version: undefined } : await schema.status();
        const lines = [
          ...applied.map(({ name }) => `  ${name}`),
          ...triggers.map(({ table, state }) => `  triggers of ${table} (${verbs[state]})`),
        ];
        const said =
          lines.length === 0
            ? 'nothing is pending'
            : `${dryRun ? 'would apply' : 'applied'}:\n${lines.join('\n')}`;
        context.output.data(
          { dryRun: dryRun === true, applied, triggers, ...(version === undefined ? {} : { version }) },
          () => said,
        );
      } finally {
        await close();
      }
    });

const verbs = { ok: 'as they should be', missing: 'new', changed: 'changed', left: 'removed' } as const;
const states = { ok: 'made', missing: 'pending', changed: 'out of date', left: 'to be removed' } as const;

function statusText(
  { output }: CliContext,
  { version, needs, applied, pending, triggers }: Awaited<ReturnType<WholeSchema['status']>>,
): string {
  const rows = [
    ...applied.map(({ name, appliedAt, isChanged }) => [
      name,
      isChanged ? 'applied, changed since' : 'applied',
      instant(appliedAt),
    ]),
    ...pending.map(({ name }) => [name, 'pending', '']),
    ...triggers.map(({ table, state }) => [`triggers of ${table}`, states[state], '']),
  ];
  return `schema "samovar": version ${version}, this build needs ${needs}\n\n${output.table(['MIGRATION', 'STATE', 'APPLIED'], rows)}`;
}
