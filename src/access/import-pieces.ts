import { createHash } from 'node:crypto';

/** Longer lines are no lines. */
export const longestLine = 65_536;

/** Some lines of a file; undefined for one that is too long. After the last of them the file may be cut. */
export interface Piece {
  readonly lines: readonly (string | undefined)[];
  /** Set where a cut was asked for: the hash of everything up to it. A line that it divides has not been read. */
  readonly sha256?: Buffer;
}

export interface Whole {
  readonly sha256: Buffer;
  readonly bytes: number;
}

/**
 * The lines of a file, a piece at a time. `cuts` are positions in bytes, in order; at each the hash is given. Where
 * `dropRest` is called after a cut, the line that the cut divided is left out.
 */
export function readPieces(chunks: AsyncIterable<Buffer>, cuts: readonly number[]) {
  const hash = createHash('sha256');
  let position = 0;
  let carry: Buffer[] = [];
  let carried = 0;
  let isSkipping = false;

  const split = (part: Buffer): (string | undefined)[] => {
    const end = part.lastIndexOf(10);
    const lines: (string | undefined)[] = [];
    if (end >= 0) {
      const text = Buffer.concat([...carry, part.subarray(0, end)]).toString();
      const isCut = isSkipping;
      forget();
      for (const line of text.split('\n')) lines.push(line.length > longestLine ? undefined : line);
      if (isCut) lines.shift();
    }
    const rest = part.subarray(end + 1);
    if (!isSkipping && rest.length > 0) {
      carry.push(Buffer.from(rest));
      carried += rest.length;
      if (carried > longestLine) {
        lines.push(undefined);
        forget();
        isSkipping = true;
      }
    }
    return lines;
  };
  const forget = () => {
    carry = [];
    carried = 0;
    isSkipping = false;
  };

  return {
    async *pieces(): AsyncGenerator<Piece> {
      const due = [...cuts];
      for await (const chunk of chunks) {
        let from = 0;
        while (from < chunk.length) {
          const cut = due[0] === undefined ? Number.POSITIVE_INFINITY : due[0] - position;
          const part = chunk.subarray(from, Math.min(chunk.length, from + cut));
          hash.update(part);
          position += part.length;
          from += part.length;
          const lines = split(part);
          if (position === due[0]) {
            due.shift();
            yield { lines, sha256: hash.copy().digest() };
          } else yield { lines };
        }
      }
      if (carried > 0) {
        const lines = [Buffer.concat(carry).toString()];
        forget();
        yield { lines };
      }
    },
    /** True when a line had been begun. */
    dropRest(): boolean {
      const isWithinLine = carried > 0 || isSkipping;
      forget();
      isSkipping = isWithinLine;
      return isWithinLine;
    },
    /** Once everything has been read. */
    whole: (): Whole => ({ sha256: hash.digest(), bytes: position }),
  };
}
