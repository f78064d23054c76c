import { Command, Option } from 'commander';
import { SamovarError } from '../src/errors.ts';
import type { Samovar, WarmRequest } from '../src/facade.ts';
import type { Run, Trigger } from '../src/rooms.ts';
import type { CliContext } from './context.ts';
import { durationOption, listOption, positiveCount } from './format.ts';
import { keysFromFile } from './keys.ts';
import { cachesAsked, checkKeys } from './names.ts';
import { plansOf, planText } from './plan.ts';
import { openReachable } from './reach.ts';
import { isEnded, runsText } from './runs-text.ts';
import { watchRun } from './watch.ts';

interface Options {
  readonly top?: number;
  readonly keys?: string[];
  readonly keysFrom?: string;
  readonly budget?: number;
  readonly trigger: Trigger;
  readonly dryRun?: true;
  readonly detach?: true;
}

const notes = `
The run is worked here, and by every worker that is up. Exit code 4 when keys
failed, 6 when a run of the cache was under way. Keys that the time budget did
not reach are no failure. Ctrl-C cancels the run.

Examples
  samovar warm products --top 5000
  samovar warm --trigger deploy --budget 60s     (release step of a deploy)
  samovar warm products --keys-from ids.txt      (a key a line; - reads stdin)`;

/** What became of one cache: a run, or why there is none. */
type Warmed =
  | { readonly cache: string; readonly run: Run }
  | { readonly cache: string; readonly run: undefined; readonly running?: number; readonly why?: string };

/** Plans, warms and waits. */
export const command = (context: CliContext): Command =>
  new Command('warm')
    .description('Plan and warm now, and wait until it is done.')
    .argument('[cache]', 'all caches, one after the other, unless one is named')
    .option('--top <n>', 'most keys (default: what the cache says)', positiveCount)
    .option('--keys <list>', 'these keys instead of the forecast, a comma between', listOption)
    .option('--keys-from <file>', 'keys from a file, one a line')
    .option('--budget <duration>', 'longest it may take, all caches together', durationOption)
    .addOption(
      new Option('--trigger <what>', 'what the run is filed under')
        .choices(['manual', 'deploy', 'event', 'cron'])
        .default('manual'),
    )
    .option('--dry-run', 'print the plan, write nothing')
    .option('--detach', 'start it for the workers that are up, and return')
    .addHelpText('after', notes)
    .action(async (cache: string | undefined, options: Options) => {
      const keys = keysOf(options);
      if (keys !== undefined && cache === undefined)
        throw new SamovarError('E_USAGE', 'keys belong to a cache: name it', {
          hints: ['samovar warm <cache> --keys …'],
        });
      const config = await context.config();
      const names = cachesAsked(config, cache);
      if (keys !== undefined && cache !== undefined) checkKeys(config, cache, keys);
      const samovar = await openReachable(context, ['cache', 'queue']);
      if (options.dryRun) return dryRun(context, names, options, keys);
      const working = options.detach
        ? undefined
        : await samovar.work({ only: ['warm'], cron: false, http: false });
      const end = async () => working?.stop();
      try {
        report(context, await start(context, samovar, names, options, keys, end));
        if (options.detach && (await warmers(samovar)) === 0)
          context.output.note('No worker is up: it waits for one. Start it: samovar worker');
      } finally {
        await end();
      }
    });

async function dryRun(
  context: CliContext,
  names: readonly string[],
  { top, budget }: Options,
  keys: readonly string[] | undefined,
): Promise<void> {
  const plans = await plansOf(context, names, {
    ...(top === undefined ? {} : { top }),
    ...(keys === undefined ? {} : { keys }),
    ...(budget === undefined ? {} : { maxTime: budget }),
  });
  context.output.data(plans, () =>
    [...plans.map((plan) => planText(context, plan, 20)), 'Nothing was written (--dry-run).'].join('\n\n'),
  );
}

/** Starts a run of each cache in turn, within what is left of the time; waits for each unless detached. */
async function start(
  context: CliContext,
  samovar: Samovar,
  names: readonly string[],
  { top, budget, trigger, detach }: Options,
  keys: readonly string[] | undefined,
  endWork: () => Promise<void>,
): Promise<Warmed[]> {
  const { clock, output, signal } = context;
  const until = budget === undefined ? undefined : clock.elapsed() + budget;
  const warmed: Warmed[] = [];
  for (const cache of names) {
    const maxTimeMs = until === undefined ? undefined : Math.round(until - clock.elapsed());
    if (signal.aborted || (maxTimeMs !== undefined && maxTimeMs <= 0)) break;
    const request: WarmRequest = {
      trigger,
      ...(top === undefined ? {} : { top }),
      ...(keys === undefined ? {} : { keys }),
      ...(maxTimeMs === undefined ? {} : { maxTime: maxTimeMs }),
    };
    let started = await samovar.warm(cache, request);
    if ('running' in started && !detach && (await isOrphan(samovar, started.running))) {
      output.note(`run ${started.running} of ${cache} had nobody to work it: it comes first`);
      warmed.push({ cache, run: await followed(context, samovar, started.running, endWork) });
      if (signal.aborted) break;
      started = await samovar.warm(cache, request);
    }
    if ('running' in started) warmed.push({ cache, run: undefined, running: started.running });
    else if (started.run === undefined) warmed.push({ cache, run: undefined, why: 'nothing needs warming' });
    else if (detach) warmed.push({ cache, run: (await samovar.runs.get(started.run))! });
    else warmed.push({ cache, run: await followed(context, samovar, started.run, endWork) });
  }
  return warmed;
}

/** Whether nobody but this process could work a run that is under way, or was a moment ago. */
async function isOrphan(samovar: Samovar, id: number): Promise<boolean> {
  const run = await samovar.runs.get(id);
  return run !== undefined && run.state !== 'paused' && (await warmers(samovar)) <= 1;
}

/** Processes that work `warm` jobs, this one included. */
async function warmers(samovar: Samovar): Promise<number> {
  const { queues } = await samovar.status();
  return queues.find(({ job }) => job === 'warm')?.workers ?? 0;
}

/** A run to its end; after a signal it is cancelled, once the chunk in hand has been handed back. */
async function followed(
  context: CliContext,
  samovar: Samovar,
  id: number,
  endWork: () => Promise<void>,
): Promise<Run> {
  const run = await watchRun(context, samovar, id);
  if (isEnded(run)) return run;
  await endWork();
  const now = await samovar.runs.get(id);
  return now !== undefined && isEnded(now) ? now : samovar.runs.cancel(id);
}

function report(context: CliContext, warmed: readonly Warmed[]): void {
  const { output } = context;
  const runs = warmed.flatMap(({ run }) => (run === undefined ? [] : [run]));
  const busy = warmed.flatMap((each) =>
    each.run === undefined && each.running !== undefined ? [{ ...each, running: each.running }] : [],
  );
  if (busy.length > 0 && runs.length === 0) {
    const named = busy.map(({ cache, running }) => `${cache} (run ${running})`).join(', ');
    throw new SamovarError('E_ALREADY_RUNNING', `a run is under way already: ${named}`, {
      hints: busy.map(({ running }) => `follow it: samovar runs watch ${running}`),
    });
  }
  const document = warmed.map(({ run, ...rest }) => ({ ...rest, run: run ?? null }));
  output.data(document, () =>
    [
      ...(runs.length > 0 ? [runsText(output, runs)] : []),
      ...warmed.flatMap((each) =>
        each.run !== undefined
          ? []
          : [
              each.running === undefined
                ? `${each.cache}: nothing needs warming`
                : `${each.cache}: run ${each.running} is under way already`,
            ],
      ),
    ].join('\n'),
  );
  if (runs.some((run) => run.state === 'failed' || (run.results.failed ?? 0) > 0)) context.exitWith(4);
}

function keysOf({ keys, keysFrom }: Options): string[] | undefined {
  if (keys !== undefined && keysFrom !== undefined)
    throw new SamovarError('E_USAGE', 'only one of --keys and --keys-from makes sense');
  if (keysFrom === undefined) return keys;
  return keysFromFile(keysFrom);
}
