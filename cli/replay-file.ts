import type { Found } from '../src/access/import-verdict.ts';
import { count } from './format.ts';
import { leftOut } from './reading.ts';

/** What is to be known of a file beside the reads in it. */
export interface FileFacts {
  readonly lines: number;
  /** Lines that are no reads that count, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Reads that are earlier than the one before them: they were put in order. */
  readonly unsorted: number;
  /** Reads of the same key at the same instant as the one before them: they count as reads. */
  readonly repeated: number;
}

/** More repeated reads than this share look like a file that holds everything twice. */
const suspiciousShare = 0.3;

/** Looks at the reads of a file as they come. */
export function watchFile() {
  let last: { cache: string; key: string; at: number } | undefined;
  let unsorted = 0;
  let repeated = 0;
  let reads = 0;
  return {
    read(cache: string, key: string, at: number): void {
      reads += 1;
      if (last !== undefined && at < last.at) unsorted += 1;
      else if (last?.at === at && last.key === key && last.cache === cache) repeated += 1;
      last = { cache, key, at };
    },
    facts: ({ lines, notDemand, reasons, skipped }: Readonly<Found>): FileFacts => ({
      lines,
      leftOut: { ...skipped, ...(notDemand > 0 ? { notDemand } : {}), ...reasons },
      unsorted,
      repeated,
    }),
    /** What of it an operator should hear. */
    notes(found: Readonly<Found>): string[] {
      const unread = leftOut(found);
      return [
        ...(unread === undefined ? [] : [`left out: ${unread}`]),
        ...(unsorted === 0
          ? []
          : [
              `not in order: ${count(unsorted)} reads are earlier than the one before; all were sorted by time`,
            ]),
        ...(repeated <= suspiciousShare * reads
          ? []
          : [
              `${count(repeated)} of ${count(reads)} reads repeat the one before, key and time: if the file holds its lines twice, so do these figures`,
            ]),
      ];
    },
  };
}
