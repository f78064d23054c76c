import { hideSecrets, type SamovarError } from '../errors.ts';
import type { ImportFormat, ImportSummary } from '../facade.ts';
import { examples, unreadable } from './import-format.ts';
import type { BadReason } from './import-line.ts';
import type { SkipReason } from './import-map.ts';
import type { AddedCounts } from './postgres-counts.ts';

/** What reading has found so far; the counts themselves are in the tallies. */
export interface Found {
  lines: number;
  /** Reads that are demand, and reads that are none. */
  accesses: number;
  notDemand: number;
  bad: number;
  reasons: Partial<Record<BadReason, number>>;
  samples: { line: number; reason: BadReason; text: string }[];
  skipped: Partial<Record<SkipReason, number>>;
  unmapped: string[];
  from: number | undefined;
  to: number | undefined;
}

export const foundNothing = (): Found => ({
  lines: 0,
  accesses: 0,
  notDemand: 0,
  bad: 0,
  reasons: {},
  samples: [],
  skipped: {},
  unmapped: [],
  from: undefined,
  to: undefined,
});

/** Why lines are bad, in words. */
export const badReasons: Record<BadReason, string> = {
  shape: 'not of this format',
  time: 'no time that can be read',
  future: 'from the future',
  tooOld: 'from before the year 2000',
  tooLong: 'longer than a line may be',
  noKey: 'neither a key nor a path',
};

/** Before so many lines no share of bad ones says anything. */
const linesToJudge = 1_000;
const sampleChars = 160;

/** Throws E_IMPORT when more lines are bad than may be: a share of many, or all of the whole. */
export function judge(found: Found, maxBad: number, source: string, format: ImportFormat): void {
  if (found.lines >= linesToJudge && found.bad > found.lines * maxBad)
    throw tooManyBad(found, source, format, ` (at most ${Math.round(maxBad * 100)} % may be)`);
}

export function judgeWhole(found: Found, maxBad: number, source: string, format: ImportFormat): void {
  judge(found, maxBad, source, format);
  if (found.lines > 0 && found.bad === found.lines) throw tooManyBad(found, source, format, '');
}

function tooManyBad(found: Found, source: string, format: ImportFormat, limit: string): SamovarError {
  const reasons = Object.entries(found.reasons) as [BadReason, number][];
  const [worst] = reasons.reduce((a, b) => (b[1] > a[1] ? b : a));
  const isAge = worst === 'future' || worst === 'tooOld';
  return unreadable(
    `${found.bad} of ${found.lines} lines of ${source} cannot be read${limit}: ${badReasons[worst]}; nothing was imported`,
    [
      ...found.samples.map(({ line, reason, text }) => `line ${line}, ${badReasons[reason]}: ${text}`),
      ...(worst === 'future' ? ['times that name no zone are taken for UTC'] : []),
    ],
    isAge ? {} : { [format]: examples[format] },
  );
}

/** A line to show: cut short, without queries, passwords and control characters. */
export function harmless(text: string): string {
  const bare = hideSecrets(text.slice(0, 1_000))
    .replace(/\?[^\s"',]*/g, '?…')
    .replace(/\p{C}/gu, '·');
  return bare.length > sampleChars ? `${bare.slice(0, sampleChars)}…` : bare;
}

/** What to tell of an import; `added` is undefined when nothing of it was new. */
export function summaryOf(
  format: ImportFormat | undefined,
  found: Found,
  knownLines: number,
  added: AddedCounts | undefined,
): ImportSummary {
  return {
    format,
    lines: found.lines + knownLines,
    knownLines,
    alreadyImported: knownLines > 0 && found.lines === 0,
    accesses: found.accesses,
    notDemand: found.notDemand,
    keys: added?.keys ?? 0,
    admitted: added?.admitted ?? 0,
    waiting: added?.waiting ?? 0,
    bad: { lines: found.bad, reasons: found.reasons, samples: found.samples },
    skipped: found.skipped,
    unmapped: found.unmapped,
    ...(found.from === undefined ? {} : { from: found.from }),
    ...(found.to === undefined ? {} : { to: found.to }),
  };
}
