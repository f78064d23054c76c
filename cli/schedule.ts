import { Command } from 'commander';
import { minuteMs } from '../src/duration.ts';
import type { Samovar, ScheduleView } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { count, instant, positiveCount, since } from './format.ts';
import { unknown } from './names.ts';
import { openReachable } from './reach.ts';

const notes = `
Examples
  samovar schedule list
  samovar schedule next warm-products --count 10
  samovar schedule pause warm-products`;

/** Looks at schedules, and steers them for the whole fleet. */
export const command = (context: CliContext): Command => {
  const schedule = new Command('schedule')
    .description('Schedules: list, preview, pause, resume, run now.')
    .addHelpText('after', notes);

  schedule
    .command('list', { isDefault: true })
    .description('every schedule, and when it comes next')
    .action(async () => {
      const views = await (await openReachable(context, ['queue'])).schedules.list(1);
      context.output.data(views, () => listText(context, views));
    });

  schedule
    .command('next')
    .description('the instants at which a schedule fires next')
    .argument('[name]', 'of one schedule')
    .option('--count <n>', 'how many', positiveCount, 5)
    .action(async (name: string | undefined, options: { count: number }) => {
      const all = await (await openReachable(context, ['queue'])).schedules.list(options.count);
      const views = name === undefined ? all : [known(all, name)];
      context.output.data(
        views.map(({ name, timezone, next, rises }) => ({
          name,
          timezone,
          next: next.map((at) => new Date(at).toISOString()),
          ...(rises === undefined
            ? {}
            : { rises: rises.map(({ by, keys }) => ({ by: new Date(by).toISOString(), keys })) }),
        })),
        () => views.map((view) => nextText(context, view)).join('\n\n'),
      );
    });

  for (const [verb, what, said] of [
    ['pause', 'let its slots pass, in every worker', 'paused'],
    ['resume', 'let it fire again', 'resumed'],
  ] as const) {
    schedule
      .command(verb)
      .description(what)
      .argument('<name>', 'of the schedule')
      .action(async (name: string) => {
        const samovar = await openReachable(context, ['queue']);
        await checked(samovar, name);
        await samovar.schedules[verb](name);
        context.output.data({ schedule: name, isPaused: verb === 'pause' }, () => `${name} ${said}`);
      });
  }

  schedule
    .command('run')
    .description('enqueue its job now, whatever the hour')
    .argument('<name>', 'of the schedule')
    .action(async (name: string) => {
      const samovar = await openReachable(context, ['queue']);
      const { job } = await checked(samovar, name);
      const id = await samovar.schedules.run(name);
      context.output.data({ schedule: name, job, id }, () => `${name}: job ${job} enqueued as ${id}`);
    });
  return schedule;
};

const checked = async (samovar: Samovar, name: string): Promise<ScheduleView> =>
  known(await samovar.schedules.list(1), name);

function known(views: readonly ScheduleView[], name: string): ScheduleView {
  const view = views.find((view) => view.name === name);
  if (view) return view;
  throw unknown(
    'E_UNKNOWN_SCHEDULE',
    'schedule',
    name,
    views.map((view) => view.name),
  );
}

/** Schedules as a table; those of the built-in housekeeping last. */
export function listText({ output, clock }: CliContext, views: readonly ScheduleView[]): string {
  if (views.length === 0) return 'no schedules';
  const sorted = [...views].sort((a, b) => Number(a.builtIn) - Number(b.builtIn));
  return output.table(
    ['SCHEDULE', 'WHEN', 'ZONE', 'JOB', 'NEXT', 'LAST', ''],
    sorted.map((view) => [
      view.name,
      view.expression,
      view.timezone,
      view.cache === undefined ? view.job : `${view.job} ${view.cache}`,
      view.isPaused ? 'paused' : view.next.length === 0 ? 'none proposed' : since(view.next[0], clock.now()),
      view.lastSlot === undefined ? 'never' : since(view.lastSlot, clock.now()),
      view.builtIn ? 'built in' : '',
    ]),
  );
}

function nextText(
  { output }: CliContext,
  { name, expression, timezone, next, isPaused, rises = [] }: ScheduleView,
): string {
  const hasSeconds = next.some((at) => at % minuteMs !== 0);
  const utc = (at: number) =>
    hasSeconds ? `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC` : instant(at);
  const local = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    ...(hasSeconds ? { second: '2-digit' } : {}),
    hourCycle: 'h23',
  });
  const rows = next.map((at, i) => [
    `  ${utc(at)}`,
    timezone === 'UTC' ? '' : `${local.format(at)} ${timezone}`,
    rises[i] === undefined ? '' : `${count(rises[i].keys)} keys, to be warm by ${instant(rises[i].by)}`,
  ]);
  if (rows.length === 0) rows.push(['  none proposed', '', '']);
  return `${output.color.bold(name)}   ${expression} ${timezone}${isPaused ? '   (paused)' : ''}\n${output.table(['', '', ''], rows).split('\n').slice(1).join('\n')}`;
}
