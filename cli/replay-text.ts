import { middleOf, type Replay } from '../src/forecast/replay.ts';
import type { CliContext } from './context.ts';
import { count, instant, percent } from './format.ts';

/** What of a file was replayed, by cache. */
export interface Replayed extends Replay {
  readonly cache: string;
}

/** Below this share of perfect foresight, warming by forecast spends loads and spares next to nothing. */
const leastShare = 0.1;

/** The rules in a table, the best first. */
export function replayText({ output }: CliContext, result: Replayed): string {
  const { cache, reads, keys, from, to, windows, keysPerWindow, cold, rules, chosen } = result;
  const head = `${output.color.bold(cache)}: ${count(reads)} reads of ${count(keys)} keys, ${instant(from * 1_000)} to ${instant(to * 1_000)}`;
  if (windows === 0)
    return `${head}\nNo hour of its second half has 30 reads or more: there is nothing to judge a forecast by.`;
  const right = (name: string) => ({ head: name, align: 'right' as const });
  const sizes = rules['auto']!.map(({ keys: most }) => `${count(most)} KEYS`);
  const middle = middleOf(rules['auto']!.map(({ budget }) => budget));
  const table = output.table(
    ['RULE', ...sizes.map(right), right('PRECISION'), right('HIT RATIO'), right('FIRST 5 MIN')],
    Object.entries(rules)
      .sort(([, a], [, b]) => b[middle]!.share - a[middle]!.share)
      .map(([rule, spared]) => [
        rule === 'auto' ? output.color.bold(rule) : rule,
        ...spared.map(({ share }) => percent(share)),
        percent(spared[middle]!.precision),
        percent(spared[middle]!.hitRatio),
        percent(spared[middle]!.earlyHitRatio),
      ]),
  );
  const total = Object.values(chosen).reduce((sum, n) => sum + n, 0);
  const choices = Object.entries(chosen)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([rule, n]) => `${rule} ${percent(n / total)}`);
  return [
    `${head}\n${count(windows)} hours scored, ${count(keysPerWindow)} keys in each; cold: hit ratio ${percent(cold.hitRatio)}, first five minutes ${percent(cold.earlyHitRatio)}`,
    table,
    `Columns of keys: the share of what perfect foresight spares. Precision and hit ratios: for ${sizes[middle]!.toLowerCase()}.\nauto chose: ${choices.join(', ')}`,
    ...(rules['auto']![middle]!.share < leastShare
      ? [output.color.yellow('This traffic cannot be forecast: spend little on warming it.')]
      : []),
  ].join('\n');
}
