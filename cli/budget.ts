import { Command } from 'commander';
import { defaults } from '../src/defaults.ts';
import { SamovarError } from '../src/errors.ts';
import type { CliContext } from './context.ts';
import { positiveCount, wholeNumber } from './format.ts';
import { originAsked } from './names.ts';

const notes = `
Examples
  samovar budget
  samovar budget set catalog --per-second 50
  samovar budget set catalog --per-second 0     stops background loads
  samovar budget reset catalog                  as the configuration says`;

interface Limits {
  readonly perSecond?: number;
  readonly concurrency?: number;
}

/** Looks at what background work may ask of origins, and changes it for the whole fleet while it runs. */
export const command = (context: CliContext): Command => {
  const budget = new Command('budget')
    .description('What background work may ask of origins: look, change while running, reset.')
    .addHelpText('after', notes);

  const show = async (names: readonly string[]) => {
    const samovar = await context.samovar();
    const states = await Promise.all(
      names.map(async (origin) => ({ origin, ...(await samovar.budget.get(origin)) })),
    );
    context.output.data(states, () =>
      context.output.table(
        [
          'ORIGIN',
          { head: 'PER SECOND', align: 'right' },
          { head: 'AT ONCE', align: 'right' },
          { head: 'IN FORCE', align: 'right' },
        ],
        states.map(({ origin, perSecond, concurrency, factor }) => [
          origin,
          perSecond === undefined ? 'unlimited' : String(perSecond),
          String(concurrency),
          `${Math.round(factor * 100)} %`,
        ]),
      ),
    );
  };

  budget
    .command('list', { isDefault: true })
    .description('every origin; in force: the share that failures and slow loads have left')
    .action(async () => show((await context.config()).origins.map((origin) => origin.name)));

  budget
    .command('set')
    .description('change it for all workers, until it is changed again')
    .argument('<origin>', 'its name')
    .option('--per-second <n>', 'ids loaded per second; 0 stops background loads', wholeNumber)
    .option('--concurrency <n>', 'background loads at once', positiveCount)
    .action(async (name: string, limits: Limits) => {
      const origin = originAsked(await context.config(), name);
      if (limits.perSecond === undefined && limits.concurrency === undefined)
        throw new SamovarError('E_USAGE', 'nothing to set', {
          hints: ['give --per-second, --concurrency or both'],
        });
      await (await context.samovar()).budget.set(origin.name, limits);
      await show([origin.name]);
    });

  budget
    .command('reset')
    .description('back to what the configuration says')
    .argument('<origin>', 'its name')
    .action(async (name: string) => {
      const origin = originAsked(await context.config(), name);
      await (await context.samovar()).budget.set(origin.name, {
        perSecond: origin.budget?.perSecond ?? Number.POSITIVE_INFINITY,
        concurrency: origin.budget?.concurrency ?? defaults.origin.concurrency,
      });
      await show([origin.name]);
    });
  return budget;
};
