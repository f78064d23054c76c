import { Command } from 'commander';
import { humanDuration } from '../src/duration.ts';
import { SamovarError } from '../src/errors.ts';
import type { PlanQuestion } from '../src/facade.ts';
import type { Plan, PlanRow } from '../src/rooms.ts';
import type { CliContext } from './context.ts';
import {
  bytes,
  count,
  durationOption,
  instant,
  instantOption,
  percent,
  positiveCount,
  shortKey,
} from './format.ts';
import { cachesAsked } from './names.ts';
import { openReachable } from './reach.ts';
import { whenText } from './when-text.ts';

interface Options {
  readonly at?: number;
  readonly top?: number;
  readonly horizon?: number;
  readonly rows: number;
  readonly when?: true;
}

const notes = `
Examples
  samovar plan products --top 20
  samovar plan products --at 20:00 --json
  samovar plan --when`;

/** What would be warmed, and why. Writes nothing. */
export const command = (context: CliContext): Command =>
  new Command('plan')
    .description('What would be warmed now, key by key, with the reason of each. Writes nothing.')
    .argument('[cache]', 'all caches unless one is named')
    .option('--at <time>', "plan as of then: '2026-01-05T20:00Z', '20:00' (UTC), '+2h'", (text) =>
      instantOption(text, context.clock.now()),
    )
    .option('--top <n>', 'most keys (default: what the cache says)', positiveCount)
    .option('--horizon <duration>', 'how far ahead to look', durationOption)
    .option('--rows <n>', 'rows to print', positiveCount, 20)
    .option('--when', 'instead: by when groups of keys must be warm, before their daily rise')
    .addHelpText('after', notes)
    .action(async (cache: string | undefined, options: Options) => {
      const { output } = context;
      const { at } = options;
      const config = await context.config();
      const names = cachesAsked(config, cache);
      if (options.when) {
        if (options.top !== undefined || options.horizon !== undefined)
          throw new SamovarError('E_USAGE', '--when goes with --at, not with --top or --horizon', {
            hints: ['it takes both from the configuration of each cache'],
          });
        const all = await (await context.samovar()).when(at === undefined ? {} : { at });
        const found = all.filter((each) => names.includes(each.cache));
        output.data(found, () => whenText(context, found, config.auto));
        return;
      }
      const plans = await plansOf(context, names, {
        ...(at === undefined ? {} : { at }),
        ...(options.top === undefined ? {} : { top: options.top }),
        ...(options.horizon === undefined ? {} : { horizon: options.horizon }),
      });
      output.data(cache === undefined ? plans : plans[0], () =>
        [
          ...plans.map((plan) => planText(context, plan, options.rows)),
          `Nothing was written. Run: samovar warm${cache === undefined ? '' : ` ${cache}`}`,
        ].join('\n\n'),
      );
    });

export async function plansOf(
  context: CliContext,
  caches: readonly string[],
  question: PlanQuestion,
): Promise<Plan[]> {
  const samovar = await openReachable(context, ['cache']);
  const plans: Plan[] = [];
  for (const cache of caches) plans.push(await samovar.plan(cache, question));
  return plans;
}

/** A plan as a table, its totals below. */
export function planText({ output }: CliContext, plan: Plan, most: number): string {
  const { totals } = plan;
  const shown = [...plan.rows, ...plan.left].sort((a, b) => b.savingMs - a.savingMs).slice(0, most);
  const table = output.table(
    [
      { head: '#', align: 'right' },
      'KEY',
      { head: 'EXPECT', align: 'right' },
      { head: 'LOAD', align: 'right' },
      { head: 'SIZE', align: 'right' },
      'FROM',
      'DECISION',
    ],
    shown.map((row, at) => [String(at + 1), ...cells(row)]),
  );
  const head = `${output.color.bold(plan.cache)}   at ${instant(plan.at)}   horizon ${humanDuration(plan.horizonMs)}`;
  const sum = [
    `${count(totals.warm)} keys to warm`,
    `${count(totals.fresh)} fresh`,
    `${count(totals.skipped)} skipped`,
    `about ${humanDuration(totals.timeMs)}`,
    bytes(totals.bytes),
    ...(totals.savingMs > 0 ? [`saves about ${humanDuration(totals.savingMs)} of waiting`] : []),
  ].join(' · ');
  const caution = totals.isCautious
    ? [
        output.color.yellow(
          `The reads of this cache cannot be forecast: its best expert reaches ${percent(totals.confidence)} of perfect foresight. The forecast may spend a tenth of the budget.`,
        ),
      ]
    : [];
  if (totals.wished === 0)
    return `${head}\n\nNo key is known yet. Import history (samovar import) or let the application run.`;
  return [head, table, sum, ...caution].join('\n\n');
}

const cells = (row: PlanRow): string[] => [
  shortKey(row.key),
  row.heat > 0 ? `${perHour(row.heat)}/h` : '—',
  row.costMs > 0 ? humanDuration(row.costMs) : '—',
  row.bytes > 0 ? bytes(row.bytes) : '—',
  row.source,
  `${row.decision}  ${row.reason}`,
];

function perHour(heat: number): string {
  const value = heat * 3_600;
  return value < 10 ? value.toFixed(1) : count(value);
}
