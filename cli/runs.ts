import { Command } from 'commander';
import type { Run } from '../src/rooms.ts';
import type { CliContext } from './context.ts';
import { positiveCount } from './format.ts';
import { cachesAsked } from './names.ts';
import { runsText } from './runs-text.ts';
import { watchRun } from './watch.ts';

const notes = `
Examples
  samovar runs
  samovar runs watch 12
  samovar runs cancel 12`;

/** Looks at runs, and steers them. */
export const command = (context: CliContext): Command => {
  const show = (run: Run) => context.output.data(run, () => runsText(context.output, [run]));
  const runs = new Command('runs')
    .description('Runs of warm plans: list, watch, pause, resume, cancel.')
    .addHelpText('after', notes);

  runs
    .command('list', { isDefault: true })
    .description('the newest runs')
    .argument('[cache]', 'of one cache')
    .option('--limit <n>', 'how many', positiveCount, 10)
    .action(async (cache: string | undefined, { limit }: { limit: number }) => {
      if (cache !== undefined) cachesAsked(await context.config(), cache);
      const samovar = await context.samovar();
      const found = await samovar.runs.list({ limit, ...(cache === undefined ? {} : { cache }) });
      context.output.data(found, () => runsText(context.output, found));
    });

  runs
    .command('watch')
    .description('follow one until it has ended')
    .argument('<run>', 'its number', positiveCount)
    .action(async (id: number) => {
      const run = await watchRun(context, await context.samovar(), id);
      show(run);
      if (run.state === 'failed' || (run.results.failed ?? 0) > 0) context.exitWith(4);
    });

  for (const [name, what] of [
    ['pause', 'stop claiming its keys; they wait'],
    ['resume', 'go on with a paused one'],
    ['cancel', 'end it; what was written stays'],
  ] as const) {
    runs
      .command(name)
      .description(what)
      .argument('<run>', 'its number', positiveCount)
      .action(async (id: number) => show(await (await context.samovar()).runs[name](id)));
  }
  return runs;
};
