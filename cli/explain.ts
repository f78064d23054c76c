import { Command } from 'commander';
import { humanDuration } from '../src/duration.ts';
import type { Explanation } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { bytes, count, percent, since } from './format.ts';
import { cachesAsked } from './names.ts';
import { openReachable } from './reach.ts';

const notes = `
Examples
  samovar explain products 42
  samovar explain products 42 --json`;

/** Why one key is warmed, or is not. */
export const command = (context: CliContext): Command =>
  new Command('explain')
    .description('Why one key is warmed, or is not: its forecast term by term, what was decided and why.')
    .argument('<cache>', 'its cache')
    .argument('<key>', 'the key')
    .addHelpText('after', notes)
    .action(async (cache: string, key: string) => {
      cachesAsked(await context.config(), cache);
      const samovar = await openReachable(context, ['cache']);
      const found = await samovar.explain(cache, key);
      context.output.data(found, () => explanationText(context, found));
    });

function explanationText({ output }: CliContext, found: Explanation): string {
  const { cache, key, at, state, freshUntil, forecast, decision, past, leftOut, horizonMs, choice, chance } =
    found;
  const there = {
    missing: 'not in the cache',
    negative: 'known to be missing at the origin',
    fresh: `in the cache, fresh for another ${humanDuration(Math.max(0, (freshUntil ?? at) - at))}`,
  }[state];
  const parts = [`${output.color.bold(`${cache} ${key}`)}: ${there}`];
  if (forecast === undefined)
    parts.push('No forecast speaks of it: it was read too seldom, too long ago, or never.');
  else
    parts.push(
      [
        `Rank ${count(forecast.rank)} of ${count(forecast.of)} in the forecast of ${humanDuration(horizonMs)} by ${forecast.by}`,
        ...(forecast.costMs === undefined ? [] : [`a load takes ${humanDuration(forecast.costMs)}`]),
        ...(forecast.bytes === undefined ? [] : [bytes(forecast.bytes)]),
      ].join(', '),
      ...(choice === undefined ? [] : [choiceText(choice, at)]),
      output.table(
        ['TERM', { head: 'READS PER HOUR', align: 'right' }],
        [
          ...forecast.terms.map(({ name, heat }) => [name, perHour(heat)]),
          ['together', perHour(forecast.heat)],
        ],
      ),
      `Chance that it is read while a load of now serves: ${percent(chance)}${
        decision === undefined || decision.savingMs <= 0
          ? ''
          : ` × ${humanDuration(decision.costMs)} for a load = ${decision.savingMs.toPrecision(3)} ms saved, ${((decision.savingMs * 1_000) / Math.max(1, decision.bytes)).toPrecision(3)} µs for each byte`
      }.`,
    );
  parts.push(
    decision === undefined
      ? 'A plan made now would not think of it.'
      : `A plan made now decides: ${decision.decision}, ${decision.reason}.`,
  );
  if (past.length === 0) parts.push('None of the last plans held it.');
  else
    parts.push(
      output.table(
        [{ head: 'RUN', align: 'right' }, 'PLANNED', 'RESULT', 'READ SINCE', 'REASON'],
        past.map((row) => [
          String(row.run),
          since(row.at, at),
          row.result,
          row.used ? 'yes' : 'no',
          row.reason,
        ]),
      ),
    );
  if (leftOut.length > 0) parts.push(leftOutText(leftOut.slice(0, 5), at));
  return parts.join('\n\n');
}

const perHour = (heat: number): string => (heat * 3_600).toFixed(2);

function choiceText({ name, margin, since: from }: NonNullable<Explanation['choice']>, at: number): string {
  const lead =
    margin >= 0
      ? `leads by ${(margin * 100).toFixed(1)} points`
      : `is behind by ${(-margin * 100).toFixed(1)} points, which may be chance`;
  return `${name} makes the forecasts since ${since(from, at)} and ${lead}`;
}

/** Plans without the key, and why as far as can be told. */
const leftOutText = (plans: Explanation['leftOut'], at: number): string =>
  plans
    .map(({ run, at: planned, rows, isTold, rank }) => {
      const why =
        rank === undefined
          ? isTold
            ? 'the forecast did not speak of it'
            : 'it was fresh, or came too late in the order, or nothing asked for it (no forecast was kept then)'
          : rank > rows
            ? `rank ${count(rank)} was below its ${count(rows)} keys`
            : `rank ${count(rank)}, but it was fresh, or did not fit`;
      return `Run ${run}, planned ${since(planned, at)}, did not hold it: ${why}`;
    })
    .join('\n');
