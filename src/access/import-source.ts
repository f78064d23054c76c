import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { addAbortSignal, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, SamovarError } from '../errors.ts';

/** A file or stream of history, unpacked. */
export interface Source {
  /** What people call it. */
  readonly name: string;
  /** Bytes read so far, as they are stored. */
  readonly bytesRead: () => number;
  /** Undefined for a stream. */
  readonly totalBytes: number | undefined;
  readonly chunks: AsyncIterable<Buffer>;
  close(): void;
}

const chunkBytes = 256 * 1024;

/** Opens a file, or standard input for '-'. Throws E_IMPORT when it cannot be read or is packed in an unknown way. */
export async function openSource(path: string, signal: AbortSignal | undefined): Promise<Source> {
  const isStream = path === '-';
  const name = isStream ? 'standard input' : basename(path);
  const totalBytes = isStream ? undefined : await sizeOf(path);
  const stored: Readable = isStream ? process.stdin : createReadStream(path, { highWaterMark: chunkBytes });
  if (signal) addAbortSignal(signal, stored);
  let bytes = 0;
  const counted = async function* () {
    for await (const chunk of stored as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  return {
    name,
    totalBytes,
    bytesRead: () => bytes,
    chunks: unpacked(counted(), name),
    close: () => void stored.destroy(),
  };
}

async function sizeOf(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new Error('it is a folder');
    return found.size;
  } catch (error) {
    const isAbsent = (error as { code?: unknown }).code === 'ENOENT';
    throw new SamovarError(
      'E_IMPORT',
      `cannot read ${path}: ${isAbsent ? 'it is not there' : messageOf(error)}`,
      {
        hints: ['name a file, or - to read standard input'],
        cause: error,
      },
    );
  }
}

/** How packed files begin, and what unpacks those that are not unpacked here. */
const packings = [
  { magic: '1f8b', unpack: undefined },
  { magic: '28b52ffd', unpack: 'zstdcat' },
  { magic: '425a68', unpack: 'bzcat' },
  { magic: 'fd377a585a00', unpack: 'xzcat' },
  { magic: '504b0304', unpack: 'unzip -p' },
];

async function* unpacked(chunks: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  const { head, all } = await withHead(chunks, 6);
  const start = head.toString('hex');
  const packing = packings.find(({ magic }) => start.startsWith(magic));
  if (packing === undefined) return yield* all;
  if (packing.unpack !== undefined) {
    throw new SamovarError('E_IMPORT', `${name} is packed in a way that is not read here`, {
      hints: [`${packing.unpack} ${name} | samovar import -`],
    });
  }
  const gunzip = createGunzip({ chunkSize: chunkBytes });
  // What goes wrong on either side is thrown where the other end is read.
  pipeline(all, gunzip, () => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code?.startsWith('Z_') !== true) throw error;
    throw new SamovarError('E_IMPORT', `${name} ends early or is damaged: ${messageOf(error)}`, {
      hints: ['nothing of it was counted: import it again when it is whole'],
      cause: error,
    });
  }
}

/** The first bytes (fewer when there are no more), and everything including them. */
export async function withHead(
  chunks: AsyncIterable<Buffer>,
  bytes: number,
): Promise<{ head: Buffer; all: AsyncIterable<Buffer> }> {
  const rest = chunks[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let length = 0;
  let isDone = false;
  while (length < bytes && !isDone) {
    const next = await rest.next();
    isDone = next.done === true;
    if (next.done !== true) {
      first.push(next.value);
      length += next.value.length;
    }
  }
  const begun = Buffer.concat(first);
  const all = async function* () {
    if (begun.length > 0) yield begun;
    if (!isDone) yield* { [Symbol.asyncIterator]: () => rest };
  };
  return { head: begun.subarray(0, bytes), all: all() };
}
