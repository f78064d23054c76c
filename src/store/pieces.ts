import { headBytes, writeEntry } from './entry.ts';
import type { Batch, Draft } from './store.ts';

/** Some drafts that leave in one command: which ones, and their records as the commit script reads them. */
export interface Piece {
  readonly drafts: readonly number[];
  readonly records: Buffer;
}

/** Bytes of entries in one command: few, so that readers of the same server hardly wait. */
const pieceBytes = 32_768;
const pieceEntries = 128;
/** Before each entry: its ttl (f64) and its length (u32). */
const prefixBytes = 12;

/** Cuts the drafts of a commit into pieces; those of a group may share a command. */
export function* pieces(
  batch: Batch,
  drafts: readonly Draft[],
  groups: Iterable<readonly number[]>,
): Generator<Piece> {
  for (const group of groups) {
    let chosen: number[] = [];
    let bytes = 0;
    for (const index of group) {
      const needs = recordBytes(drafts[index]!);
      if (chosen.length === pieceEntries || (chosen.length > 0 && bytes + needs > pieceBytes)) {
        yield { drafts: chosen, records: write(batch, drafts, chosen, bytes) };
        chosen = [];
        bytes = 0;
      }
      chosen.push(index);
      bytes += needs;
    }
    if (chosen.length > 0) yield { drafts: chosen, records: write(batch, drafts, chosen, bytes) };
  }
}

const recordBytes = ({ bytes, tags }: Draft): number =>
  prefixBytes + headBytes + (tags === '' ? 0 : Buffer.byteLength(tags)) + bytes;

function write(batch: Batch, drafts: readonly Draft[], chosen: readonly number[], bytes: number): Buffer {
  const into = Buffer.allocUnsafe(bytes);
  let end = 0;
  for (const index of chosen) {
    const { text, ttlMs, tags, row } = drafts[index]!;
    const from = end + prefixBytes;
    end = writeEntry(into, from, batch, batch.filledAt + ttlMs, row, tags, text);
    into.writeDoubleBE(ttlMs, from - prefixBytes);
    into.writeUInt32BE(end - from, from - 4);
  }
  return into;
}
