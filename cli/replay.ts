import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command } from 'commander';
import { readHistory } from '../src/access/import-reads.ts';
import type { Found } from '../src/access/import-verdict.ts';
import type { Config } from '../src/config.ts';
import { secondMs } from '../src/duration.ts';
import { messageOf, SamovarError } from '../src/errors.ts';
import { findConfig } from '../src/find-config.ts';
import { loadSeasonal } from '../src/forecast/augurs.ts';
import { ownExperts } from '../src/forecast/own.ts';
import { replay } from '../src/forecast/replay.ts';
import { createTraffic, type TrafficBuilder } from '../src/forecast/traffic.ts';
import { policyOf } from '../src/ttl/ttl.ts';
import type { CliContext } from './context.ts';
import { bytes, count } from './format.ts';
import { leftOut, type ReadingOptions, withReadingOptions } from './reading.ts';
import { watchFile } from './replay-file.ts';
import { type Trial, toReplayOptions, withTrialOptions } from './replay-options.ts';
import { type Replayed, replayText } from './replay-text.ts';
import { reportOf } from './report/report.ts';

interface Options extends ReadingOptions, Trial {
  readonly html?: string;
  readonly raw?: true;
}

const notes = `
Takes what samovar import takes: nginx and Apache logs, NDJSON, CSV; plain or
gzip; - reads standard input. Nothing is written and no server is needed.
Without a configuration, or with --raw, every line is a read of one cache. With
one, its experts are tried, too, and each cache with its own ttl first.

What was read in the first half of the file is history; the second half is
played three times. Cold start: the cache is emptied before every hour, and
each rule's best keys are warmed. Steady state: one cache with a ttl, and maybe
with little room. Refresh ahead: what is due is loaded anew. A rule knows only
what was before an hour. "auto" chooses among the rules as it goes, as the
worker does; "perfect" knew the hour.

Examples
  samovar replay access.log.gz
  samovar replay --cache products reads.csv --json`;

/** Tries the forecasts on traffic of one's own, before they are trusted. */
export const command = (context: CliContext): Command =>
  withTrialOptions(
    withReadingOptions(
      new Command('replay')
        .description('What warming would have done for traffic of your own: every rule, on a log, offline.')
        .argument('<file>', 'a log, or - for standard input'),
    ),
  )
    .option('--raw', 'without the configuration: every line is a read of one cache')
    .option('--html <file>', 'a report with pictures, one file that needs no network')
    .addHelpText('after', notes)
    .action(async (file: string, options: Options) => {
      const { clock, output, signal } = context;
      const config = options.raw ? undefined : await configIfAny(context);
      if (config === undefined && options.cache !== undefined)
        throw new SamovarError('E_USAGE', `there is no cache '${options.cache}' without a configuration`, {
          hints: ['leave --cache out, or run it where samovar.config.ts is'],
        });
      const histories = new Map<string, TrafficBuilder>();
      const watch = watchFile();
      const progress = output.progress();
      const found = await readHistory(file, {
        config,
        cache: options.cache,
        format: options.format,
        maxBad: options.maxBad,
        clock,
        signal,
        onRead(cache, key, at) {
          watch.read(cache, key, at);
          let history = histories.get(cache);
          if (history === undefined) {
            history = createTraffic();
            histories.set(cache, history);
          }
          history.add(key, at / 1_000);
        },
        onProgress: ({ bytes: read, lines }) => progress.show(`${bytes(read)} read, ${count(lines)} lines`),
      });
      const own = ownExperts(config?.forecast.experts ?? [], (expert, error) => {
        throw new SamovarError('E_CONFIG', `expert '${expert}' threw: ${messageOf(error)}`);
      });
      if (config?.forecast.seasonal) own.push(await loadSeasonal());
      const results: Replayed[] = [];
      for (const [cache, history] of histories) {
        signal.throwIfAborted();
        const onProgress = (doing: string, share: number) =>
          progress.show(`${cache}: ${doing} ${count(share * 100)} %`);
        results.push({
          cache,
          ...(await replay(history.build(), {
            ...toReplayOptions(options, ttlOf(config, cache)),
            experts: own,
            signal,
            onProgress,
          })),
        });
      }
      progress.end();
      if (results.length === 0) throw nothingRead(found, file, config === undefined);
      for (const note of watch.notes(found)) output.note(note);
      if (options.html !== undefined) {
        const source = file === '-' ? 'standard input' : basename(file);
        await writeReport(options.html, reportOf(results, { source, now: clock.now() }));
        output.note(`report written to ${options.html}`);
      }
      const facts = watch.facts(found);
      output.data(
        results.map((result) => ({ ...documentOf(result), file: facts })),
        () => results.map((result) => replayText(context, result)).join('\n\n'),
      );
    });

async function writeReport(path: string, page: string): Promise<void> {
  try {
    await writeFile(path, page);
  } catch (error) {
    throw new SamovarError('E_USAGE', `cannot write the report to ${path}: ${messageOf(error)}`, {
      hints: ['name a file in a folder that is there with --html'],
      cause: error,
    });
  }
}

/** Without what only pictures need. */
const documentOf = ({ series, ...document }: Replayed): Omit<Replayed, 'series'> => document;

/** How long entries of a cache of the configuration are usually fresh, in seconds. */
function ttlOf(config: Config | undefined, cache: string): number | undefined {
  const def = config?.caches.find(({ name }) => name === cache);
  return def && policyOf(def).usualMs / secondMs;
}

async function configIfAny(context: CliContext): Promise<Config | undefined> {
  if (context.options.config === undefined) {
    try {
      findConfig(process.cwd());
    } catch {
      // There is none: the file alone is replayed.
      return undefined;
    }
  }
  return context.config();
}

function nothingRead(found: Readonly<Found>, file: string, isRaw: boolean): SamovarError {
  const { lines, unmapped } = found;
  const name = file === '-' ? 'standard input' : file;
  if (lines === 0)
    return new SamovarError('E_IMPORT', `${name} has no line that could be a read`, {
      hints: ['samovar replay --help tells what can be read'],
    });
  const why = leftOut(found);
  return new SamovarError(
    'E_IMPORT',
    `none of the ${count(lines)} lines of ${name} is a read of a cache${why === undefined ? '' : `: ${why}`}`,
    {
      hints: [
        ...(unmapped.length > 0 ? [`no pattern for ${unmapped.join('  ')}`] : []),
        ...(isRaw
          ? ['GET requests that were answered, by people and programs, are reads']
          : [
              'name a cache with --cache, give import.map a pattern, or leave the configuration out with --raw',
            ]),
      ],
    },
  );
}
