import { type Command, InvalidArgumentError, Option } from 'commander';
import { badReasons, type Found } from '../src/access/import-verdict.ts';
import type { ImportFormat } from '../src/facade.ts';
import { count } from './format.ts';

/** How a file of history is to be read. */
export interface ReadingOptions {
  readonly cache?: string;
  readonly format?: ImportFormat;
  readonly maxBad: number;
}

/** The options that every command has which reads a file of history. */
export const withReadingOptions = (command: Command): Command =>
  command
    .option('--cache <name>', 'every line is a read of this cache')
    .addOption(new Option('--format <format>', 'instead of looking').choices(['log', 'ndjson', 'csv']))
    .option('--max-bad <share>', 'unreadable lines that are too many', shareOption, 0.1);

function shareOption(text: string): number {
  const share = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (text.trim() === '' || !(share >= 0 && share <= 1))
    throw new InvalidArgumentError("Expected a share such as '10%' or 0.1.");
  return share;
}

/** Why lines are no reads, in words. */
export const skipWords: Record<string, string> = {
  notGet: 'not GET',
  failedRequest: 'answered with an error',
  unmapped: 'of paths that no pattern matches',
  unknownCache: 'of caches that are not configured',
  badKey: 'of keys that the cache cannot have',
};

/** `12 not GET, 3 answered with an error`. */
export const listed = (
  counts: Readonly<Record<string, number>>,
  words: Readonly<Record<string, string>>,
): string =>
  Object.entries(counts)
    .map(([reason, number]) => `${count(number)} ${words[reason] ?? reason}`)
    .join(', ');

/** What of a file was read over; undefined when nothing was. */
export function leftOut({ bad, reasons, skipped, notDemand }: Readonly<Found>): string | undefined {
  const parts = [
    ...(Object.keys(skipped).length > 0 ? [listed(skipped, skipWords)] : []),
    ...(notDemand > 0 ? [`${count(notDemand)} by crawlers and the like, which are no demand`] : []),
    ...(bad > 0 ? [listed(reasons, badReasons)] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}
