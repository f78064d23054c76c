import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ImportFormat } from '../src/facade.ts';

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
