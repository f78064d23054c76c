import { Command } from 'commander';
import { SamovarError } from '../src/errors.ts';
import type { Samovar } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { listOption } from './format.ts';
import { unknown } from './names.ts';
import { openReachable } from './reach.ts';
import { openSchema } from './schema.ts';

interface Options {
  readonly only?: string[];
  readonly concurrency?: string[];
  readonly once?: true;
  readonly migrate?: true;
  readonly http: boolean;
}

const notes = `
SIGTERM or Ctrl-C: running work is handed back within worker.grace, then the
process ends with 0. A second signal ends it at once.

Examples
  samovar worker --migrate
  samovar worker --only warm --concurrency warm=4 --no-http
  samovar worker --once                    (work what waits, then end)`;

const lookEveryMs = 500;

/** Works jobs until it is told to stop. */
export const command = (context: CliContext): Command =>
  new Command('worker')
    .description('Run the jobs, the schedules, and the page of health and metrics.')
    .option('--only <jobs>', 'these jobs alone, a comma between; then no schedules tick here', listOption)
    .option('--concurrency <list>', 'how many of a job at once: warm=4,plan=1', listOption)
    .option('--once', 'end when nothing waits any more; no schedules')
    .option('--migrate', 'bring the schema up to date first')
    .option('--port <port>', 'of health and metrics (PORT)')
    .option('--host <host>', 'of health and metrics (HOST)')
    .option('--no-http', 'serve no health and metrics')
    .addHelpText('after', notes)
    .action(async ({ only, concurrency, once, migrate, http }: Options) => {
      const { signal, output } = context;
      const config = await context.config();
      const jobs = config.jobs.map(({ name }) => name);
      const limits = concurrencyOf(concurrency ?? []);
      for (const name of [...(only ?? []), ...Object.keys(limits)])
        if (!jobs.includes(name)) throw unknown('E_UNKNOWN_JOB', 'job', name, jobs);
      if (migrate) {
        const { schema, close } = await openSchema(context);
        await schema.migrate().finally(close);
      }
      const samovar = await openReachable(context, ['queue']);
      const working = await samovar.work({
        concurrency: limits,
        http: http && once !== true,
        ...(only === undefined ? {} : { only }),
        ...(once === true ? { cron: false } : {}),
      });
      const at = working.url === undefined ? '' : `, health and metrics at ${working.url}`;
      output.note(`worker ${working.worker}: ${working.jobs.join(', ')}${at}`);
      if (once) await untilIdle(context, samovar, working.jobs);
      else await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      if (signal.aborted) output.note('stopping; a second signal ends it at once');
      await working.stop();
      context.exitWith(0);
    });

async function untilIdle(
  { clock, signal }: CliContext,
  samovar: Samovar,
  jobs: readonly string[],
): Promise<void> {
  while (!signal.aborted) {
    const { queues } = await samovar.status();
    const open = queues
      .filter(({ job }) => jobs.includes(job))
      .reduce((sum, { counts }) => sum + (counts['waiting'] ?? 0) + (counts['active'] ?? 0), 0);
    if (open === 0) return;
    await clock.sleep(lookEveryMs, signal);
  }
}

function concurrencyOf(parts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    parts.map((part) => {
      const [name = '', value] = part.split('=');
      if (!/^[1-9]\d*$/.test(value ?? ''))
        throw new SamovarError('E_USAGE', `expected --concurrency such as warm=4,plan=1, got '${part}'`);
      return [name, Number(value)];
    }),
  );
}
