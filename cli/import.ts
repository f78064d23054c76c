import { Command } from 'commander';
import { badReasons } from '../src/access/import-verdict.ts';
import type { ImportProgress, ImportSummary } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { bytes, count, instant, percent } from './format.ts';
import { listed, type ReadingOptions, skipWords, withReadingOptions } from './reading.ts';

interface Options extends ReadingOptions {
  readonly again?: true;
}

const notes = `
Reads nginx and Apache logs (common or combined), NDJSON, and CSV with a header
such as epoch_seconds,cache,key; plain or gzip; - reads standard input. What a
line is a read of, its cache and key columns say, or import.map of the
configuration, or --cache. The same content counts once, and of a file that has
grown only what is new. All of a file is imported, or nothing of it.

Examples
  samovar import /var/log/nginx/access.log
  samovar import --cache products reads.csv.gz
  kubectl logs deploy/shop | samovar import -`;

/** Reads access history from a log file. */
export const command = (context: CliContext): Command =>
  withReadingOptions(
    new Command('import')
      .description('Read access history from a log file, so that forecasts have something to go by.')
      .argument('<file>', 'a log, or - for standard input'),
  )
    .option('--again', 'count it although it was imported before')
    .addHelpText('after', notes)
    .action(async (file: string, { cache, format, maxBad, again }: Options) => {
      const { output, signal } = context;
      const samovar = await context.samovar();
      const progress = output.progress();
      const show = progressTexts(context);
      try {
        const summary = await samovar.history.importFile(file, {
          ...(cache === undefined ? {} : { cache }),
          ...(format === undefined ? {} : { format }),
          ...(again === undefined ? {} : { again }),
          maxBad,
          signal,
          onProgress: (state) => {
            const text = show(state);
            if (text !== undefined) progress.show(text);
          },
        });
        progress.end();
        output.data(summary, () => summaryText(summary, file));
      } catch (error) {
        progress.end();
        if (!signal.aborted) throw error;
        output.note('stopped: nothing was imported');
      }
    });

const showEveryMs = 100;
const barLength = 16;

/** The line to show, or undefined when the last one is young enough. */
function progressTexts({ clock }: CliContext): (state: ImportProgress) => string | undefined {
  const startedAt = clock.elapsed();
  let shownAt = Number.NEGATIVE_INFINITY;
  return ({ doing, bytes: read, totalBytes, lines }) => {
    const at = clock.elapsed();
    if (doing === 'merging') return `${count(lines)} lines read; adding them up …`;
    if (at - shownAt < showEveryMs) return undefined;
    shownAt = at;
    const seconds = Math.max(0.001, (at - startedAt) / 1_000);
    const speed = `${count(lines)} lines, ${count(lines / seconds)}/s`;
    if (totalBytes === undefined || totalBytes === 0) return `${bytes(read)}  ${speed}`;
    const share = Math.min(1, read / totalBytes);
    const full = Math.round(share * barLength);
    const left = share > 0 ? `, ${count((seconds / share) * (1 - share))} s left` : '';
    return `${'█'.repeat(full)}${'░'.repeat(barLength - full)} ${count(share * 100)} % of ${bytes(totalBytes)}  ${speed}${left}`;
  };
}

function summaryText(summary: ImportSummary, file: string): string {
  const { lines, knownLines, accesses, notDemand, keys, admitted, waiting, bad, skipped, from, to } = summary;
  const name = file === '-' ? 'standard input' : file;
  if (summary.alreadyImported) return `${name} was imported before: nothing in it is new`;
  const known = knownLines === 0 ? '' : `, ${count(knownLines)} of them imported before`;
  const parts = [
    `${count(lines)} lines${summary.format === undefined ? '' : ` (${summary.format})`}${known}`,
    `${count(accesses)} reads of ${count(keys)} keys${from === undefined ? '' : `, ${instant(from)} to ${instant(to)}`}`,
  ];
  if (keys > 0)
    parts.push(`${count(admitted)} keys are new, ${count(waiting)} were read once and wait at the door`);
  if (notDemand > 0) parts.push(`${count(notDemand)} reads by crawlers and the like, which are no demand`);
  if (Object.keys(skipped).length > 0) parts.push(`skipped: ${listed(skipped, skipWords)}`);
  if (summary.unmapped.length > 0) parts.push(`  no pattern for ${summary.unmapped.join('  ')}`);
  if (bad.lines > 0) {
    parts.push(
      `unreadable: ${count(bad.lines)} lines (${percent(bad.lines / (lines - knownLines))}): ${listed(bad.reasons, badReasons)}`,
    );
    parts.push(...bad.samples.map(({ line, text }) => `  line ${count(line)}  ${text}`));
  }
  if (lines > knownLines && accesses + notDemand === 0)
    parts.push('none of them is a read of a cache: name one with --cache, or give import.map a pattern');
  return parts.join('\n');
}
