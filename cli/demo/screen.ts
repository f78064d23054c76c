import type { Asserted } from '../../src/demo/assertion.ts';
import type { Pace, Share } from '../../src/demo/measure.ts';
import { type Act, figuresOf, type Outcome } from '../../src/demo/outcome.ts';
import { messageOf } from '../../src/errors.ts';
import { count, percent } from '../format.ts';
import type { Output } from '../output.ts';
import type { Traffic } from './traffic.ts';

const ms = (value: number): string => `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;

/** A hit ratio; of no reads there is none. */
export const ratio = ({ reads, hitRatio }: Share): string => percent(reads === 0 ? undefined : hitRatio);

/** A run shorter than this tells nothing of a rate per second. */
const leastMs = 1_000;

const rateText = ({ total, ms, perSecond, peakPerSecond }: Pace, limit: number): string =>
  ms < leastMs
    ? `${count(total)} keys in ${count(ms)} ms, too few to tell; ${count(limit)} keys/s are allowed.`
    : `${count(perSecond)} keys/s held of ${count(limit)}/s allowed; at most ${count(peakPerSecond)}/s within any 200 ms.`;

function shareText(outcome: Outcome): string {
  const { share_of_perfect_first_5m: early, share_of_perfect_hour: whole } = figuresOf(outcome);
  const hour = `${percent(whole)} of perfect foresight's hit ratio over the hour`;
  return outcome.cold.figures.firstFiveMinutes.reads === 0
    ? `${hour}; nothing was read in its first five minutes.`
    : `${hour}, ${percent(early)} in its first five minutes.`;
}

/** The end of the demo, for people: the table, what it means, and what to do next. */
export function demoText(
  output: Output,
  {
    outcome,
    traffic,
    replaySeconds,
    asserted,
  }: {
    outcome: Outcome;
    traffic: Traffic;
    replaySeconds: number;
    asserted: readonly Asserted[];
  },
): string {
  const { color } = output;
  const acts = [outcome.cold, outcome.warmed, outcome.perfect];
  const row = (what: string, tell: (act: Act) => string) => [what, ...acts.map(tell)];
  const table = output.table(
    [
      '',
      { head: 'cold', align: 'right' },
      { head: 'warmed', align: 'right' },
      { head: 'perfect foresight', align: 'right' },
    ],
    [
      row('hit ratio, first five minutes', ({ figures }) => ratio(figures.firstFiveMinutes)),
      row('hit ratio, the whole hour', ({ figures }) => ratio(figures.hour)),
      row('database queries readers waited for', ({ queries }) => count(queries)),
      [
        'database queries ahead of them',
        '0',
        count(outcome.warming.queries),
        count(outcome.perfectWarming.queries),
      ],
      row('a read takes (median)', ({ figures }) => ms(figures.p50Ms)),
      row('the slowest of 100 reads takes (p99)', ({ figures }) => ms(figures.p99Ms)),
    ],
  );
  const all = figuresOf(outcome);
  const { warming, used, limit } = outcome;
  const faster = Math.round(3_600 / replaySeconds);
  const lines = [
    '',
    table,
    '',
    `Warmed    ${count(warming.keys)} keys: ${count(used)} were read in the hour, ${count(warming.keys - used)} were not.`,
    `Rate      ${rateText(warming.pace, limit)}`,
    `Forecast  ${shareText(outcome)}`,
    '',
    color.dim(`Traffic: ${traffic.about}.`),
    color.dim('Perfect foresight warms as many keys, those that the hour reads most.'),
    color.dim(
      `The hour passed in ${replaySeconds} s: ratios are those of the hour, waits those of ${faster} times its load.`,
    ),
  ];
  if (all.failed_reads > 0)
    lines.push(
      '',
      color.red(
        `${count(all.failed_reads)} reads failed, first: ${messageOf(acts.find(({ failed }) => failed > 0)?.failure)}`,
      ),
    );
  if (asserted.length > 0) {
    lines.push('');
    for (const { text, value, met } of asserted)
      lines.push(`${met ? color.green('✔') : color.red('✖')} ${text}   (${value})`);
  }
  return [...lines, '', ...next(color)].join('\n');
}

const next = (color: Output['color']): string[] => [
  color.bold('Next, in your own project (npm i samovar)'),
  '  npx samovar init                   a samovar.config.ts to start from',
  '  npx samovar import access.log      what your users read; then: npx samovar plan',
  '  npx samovar demo --trace my.csv    this table for your own traffic (epoch_seconds,key)',
];
