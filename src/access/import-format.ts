import { SamovarError } from '../errors.ts';
import type { ImportFormat } from '../facade.ts';
import { parseHeader, readCsv } from './import-csv.ts';
import { isJsonLine, readJson } from './import-json.ts';
import type { Emit, LineReader } from './import-line.ts';
import { isLogLine, readLog } from './import-log.ts';

/** What each format looks like, for people whose file looks otherwise. */
export const examples: Record<ImportFormat, string> = {
  log: '203.0.113.9 - - [05/Jan/2026:14:00:00 +0000] "GET /products/42 HTTP/1.1" 200 512 "-" "Mozilla/5.0 …"',
  ndjson: '{"time":"2026-01-05T14:00:00Z","cache":"products","key":"42"}',
  csv: 'epoch_seconds,cache,key (a header line; then 1767621600,products,42)',
};

const looks: Record<ImportFormat, (lines: readonly string[]) => boolean> = {
  csv: ([first]) => first !== undefined && parseHeader(first) !== undefined,
  ndjson: (lines) => lines.some(isJsonLine),
  log: (lines) => lines.some(isLogLine),
};

/** The format of a file by its first lines. Throws E_IMPORT when they are of none. */
export function sniffFormat(lines: readonly string[], source: string): ImportFormat {
  const found = (['csv', 'ndjson', 'log'] as const).find((format) => looks[format](lines));
  if (found !== undefined) return found;
  throw unreadable(`${source} is in none of the formats that are read`);
}

/** E_IMPORT that shows what was read and what was expected. */
export const unreadable = (
  message: string,
  hints: readonly string[] = [],
  expected: Partial<Record<ImportFormat, string>> = examples,
): SamovarError =>
  new SamovarError('E_IMPORT', message, {
    hints: [
      ...hints,
      ...Object.entries(expected).map(([format, example]) => `expected as ${format}: ${example}`),
    ],
  });

const linesToSniff = 50;

/** The first lines of a beginning, without blank ones and without the last where it may have been cut. */
export function firstLines(start: Buffer, mostBytes: number): string[] {
  const lines = start
    .toString()
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/);
  if (start.length >= mostBytes && lines.length > 1) lines.pop();
  return lines.filter((line) => line.trim() !== '').slice(0, linesToSniff);
}

/** A reader of the format; with CSV the first line is its header and no record. */
export function createReader(
  format: ImportFormat,
  firstLine: string,
  source: string,
  emit: Emit,
): { reader: LineReader; headerLines: 0 | 1 } {
  if (format === 'log') return { reader: readLog(emit), headerLines: 0 };
  if (format === 'ndjson') return { reader: readJson(emit), headerLines: 0 };
  const header = parseHeader(firstLine);
  if (header === undefined)
    throw unreadable(`${source} does not begin with a header that names a time and a key or path`);
  return { reader: readCsv(emit, header), headerLines: 1 };
}
