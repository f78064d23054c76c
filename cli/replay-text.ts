import { isUnpredictable } from '../src/confidence.ts';
import { middleOf } from '../src/forecast/backtest.ts';
import type { Replay } from '../src/forecast/replay.ts';
import type { CliContext } from './context.ts';
import { count, instant, percent, span } from './format.ts';
import type { Output } from './output.ts';

/** What of a file was replayed, by cache. */
export interface Replayed extends Replay {
  readonly cache: string;
}

/** A result in three tables, the best rules first. */
export function replayText({ output }: CliContext, result: Replayed): string {
  const { cache, reads, keys, from, to, windows, keysPerWindow, rules } = result;
  const { bold, yellow } = output.color;
  const head = `${bold(cache)}: ${count(reads)} reads of ${count(keys)} keys, ${instant(from * 1_000)} to ${instant(to * 1_000)}`;
  if (windows === 0) return `${head}\n${nothingScored(result)}`;
  const middle = middleOf(rules['auto']!.map(({ budget }) => budget));
  const size = rules['auto']![middle]!.keys;
  const name = windowName(result);
  return [
    `${head}\n${count(windows)} ${windowsName(result)} scored, ${count(keysPerWindow)} keys in each`,
    `${bold('COLD START')}  emptied before each ${name}\n${coldText(output, result, middle)}`,
    `${bold('STEADY STATE')}  never emptied; up to ${count(size)} keys loaded ahead before each ${name}\n${steadyText(output, result, middle)}`,
    `${bold('REFRESH AHEAD')}  loaded anew at the end of its ttl where it is likely to be read before the next end\n${refreshText(output, result)}`,
    ...[verdictOf(result)].filter((text) => text !== undefined).map(yellow),
  ].join('\n\n');
}

/** Said of traffic that cannot be forecast; undefined where it can. */
export function verdictOf({ rules }: Replay): string | undefined {
  const spared = rules['auto']!;
  const { share } = spared[middleOf(spared.map(({ budget }) => budget))]!;
  if (!isUnpredictable(share)) return undefined;
  return `This traffic cannot be forecast: the best choice spares ${percent(share)} of what perfect foresight does. Spend little on warming it.`;
}

const isHourly = ({ windowSeconds }: Replay): boolean => windowSeconds === 3_600;
const windowName = (result: Replay): string => (isHourly(result) ? 'hour' : 'window');
const windowsName = (result: Replay): string =>
  isHourly(result) ? 'hours' : `windows of ${span(result.windowSeconds)}`;

/** Why there is nothing to judge a forecast by. */
export function nothingScored(result: Replay): string {
  return `No ${windowName(result)} of its second half has ${result.leastReads} reads or more: there is nothing to judge a forecast by. It takes a longer log${result.windowSeconds > 600 ? ', or a shorter --window' : ''}.`;
}

const right = (head: string) => ({ head, align: 'right' as const });

function coldText(
  { table, color }: Output,
  { cold, rules, chosen, earlySeconds }: Replay,
  middle: number,
): string {
  const sizes = rules['auto']!.map(({ keys }) => `${count(keys)} KEYS`);
  const early = `FIRST ${earlySeconds < 120 ? `${Math.round(earlySeconds)} S` : `${Math.round(earlySeconds / 60)} MIN`}`;
  const rows = Object.entries(rules)
    .sort(([, a], [, b]) => b[middle]!.share - a[middle]!.share)
    .map(([rule, spared]) => [
      rule === 'auto' ? color.bold(rule) : rule,
      ...spared.map(({ share }) => percent(share)),
      percent(spared[middle]!.precision),
      percent(spared[middle]!.hitRatio),
      percent(spared[middle]!.earlyHitRatio),
    ]);
  const none = [
    'no warming',
    ...sizes.map(() => '—'),
    '—',
    percent(cold.hitRatio),
    percent(cold.earlyHitRatio),
  ];
  const total = Object.values(chosen).reduce((sum, n) => sum + n, 0);
  const choices = Object.entries(chosen)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([rule, n]) => `${rule} ${percent(n / total)}`);
  return [
    table(['RULE', ...[...sizes, 'PRECISION', 'HIT RATIO', early].map(right)], [...rows, none]),
    `Columns of keys: the share of what perfect foresight spares. The others: for ${sizes[middle]!.toLowerCase()}.`,
    `auto chose: ${choices.join(', ')}`,
  ].join('\n');
}

function steadyText({ table }: Output, { steady }: Replay, middle: number): string {
  const heads = [
    'HIT RATIO',
    'WARMED',
    'PERFECT',
    'AVOIDED',
    'OF PERFECT',
    'PER LOAD',
    'ORIGIN LOADS',
    'UNGUARDED',
  ];
  const rows = steady.map(({ ttlSeconds, entries, base, budgets }) => {
    const { rules, unguarded } = budgets[middle]!;
    const { auto, perfect } = rules as Record<'auto' | 'perfect', (typeof rules)[string]>;
    return [
      span(ttlSeconds),
      entries === null ? 'all fit' : count(entries),
      percent(base.hitRatio),
      percent(auto.hitRatio),
      percent(perfect.hitRatio),
      percent(auto.avoided),
      percent(auto.avoidedOfPerfect),
      auto.avoidedPerLoad.toFixed(2),
      more(auto.totalLoads - 1),
      unguarded === null ? '—' : percent(unguarded.avoided),
    ];
  });
  return [
    table([right('TTL'), right('ENTRIES'), ...heads.map(right)], rows),
    'Avoided: of the misses without warming, and of what perfect foresight avoids. Unguarded: the same where warming may push out what is hot.',
  ].join('\n');
}

const more = (share: number): string => `${share < 0 ? '−' : '+'}${percent(Math.abs(share))}`;

function refreshText({ table }: Output, { refresh }: Replay): string {
  const at = refresh[0]!.removedAt.map(({ extraLoads }) => `AT +${Math.round(extraLoads * 100)} % LOADS`);
  const rows = refresh.map(({ ttlSeconds, misses, expiryMisses, removedAt, policies }) => {
    const usual = policies['worth-0.7']!;
    return [
      span(ttlSeconds),
      percent(misses === 0 ? 0 : expiryMisses / misses),
      ...removedAt.map(({ removed }) => percent(removed)),
      percent(usual.removed),
      more(usual.extraLoads),
      percent(usual.refreshes === 0 ? 0 : usual.wasted / usual.refreshes),
    ];
  });
  const heads = ['BY EXPIRY', ...at, 'AT 0.7', 'LOADS', 'UNREAD'];
  return [
    table([right('TTL'), ...heads.map(right)], rows),
    'By expiry: of the misses. At …: misses by expiry that it removes. The last three: where the chance of a read is above 0.7.',
  ].join('\n');
}
