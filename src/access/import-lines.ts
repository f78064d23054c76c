import type { Emit, LineReader } from './import-line.ts';

/** Feeds a file's raw lines to its reader: without marks of encoding, line ends, blank lines and the header. */
export function createFeeder({
  reader,
  headerLines,
  emit,
}: {
  readonly reader: LineReader;
  readonly headerLines: number;
  readonly emit: Emit;
}) {
  let number = 0;
  let headersLeft = headerLines;
  return {
    /** Lines so far, those that were dropped included. */
    get lines(): number {
      return number;
    },
    /** Undefined for a line that is too long. */
    feed(raw: string | undefined): void {
      number += 1;
      if (raw === undefined) {
        emit({ bad: 'tooLong' }, number, '');
        return;
      }
      const text = (number === 1 ? raw.replace(/^\uFEFF/, '') : raw).replace(/\r$/, '');
      if (text.trim() === '') return;
      if (headersLeft > 0) headersLeft -= 1;
      else reader.line(text, number);
    },
    /** Counts a line that is left out. */
    skip(): void {
      number += 1;
    },
  };
}
