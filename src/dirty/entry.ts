import type { DirtyEntry, DirtyForm, DirtyRow } from './dirty.ts';

/**
 * A dirty value in Redis: format '1', version (16 digits), 'U' written or 'D' deleted, flags (one character, base 36),
 * length of the operation's name (two digits), that name, the body. The script writes format and version, `tail` the rest.
 */
const format = 0x31;
const written = 0x55;
const deleted = 0x44;
const kindAt = 17;
const headBytes = 21;
const longestOperation = 22;
/** Of no codec. */
const unknownFlags = 1 << 20;

/** What the script appends to the version. */
export function tailOf(form: DirtyForm | undefined, operation: string): string | Buffer {
  const flags = form === undefined ? '0' : form.flags.toString(36);
  const head = `${form === undefined ? 'D' : 'U'}${flags}${String(operation.length).padStart(2, '0')}${operation}`;
  if (form === undefined) return head;
  return typeof form.body === 'string' ? head + form.body : Buffer.concat([Buffer.from(head), form.body]);
}

/** Undefined for bytes of another format: whoever knows it may own them. */
export function entryOf(bytes: Buffer): DirtyEntry | undefined {
  const bodyAt = bodyIn(bytes, 0, bytes.length);
  if (bodyAt < 0) return undefined;
  return {
    version: versionIn(bytes, 0),
    operation: bytes.toString('latin1', headBytes, bodyAt),
    form: formIn(bytes, 0, bodyAt, bytes.length),
  };
}

/** The same, and for other bytes a value that nobody can read: what was acknowledged is not what the origin has. */
export const anyEntryOf = (bytes: Buffer): DirtyEntry =>
  entryOf(bytes) ?? { version: 0, operation: '', form: { body: bytes, flags: unknownFlags } };

/** The same of the bytes from `from` to `to`, for whoever carries it over. */
export function rowOf(
  { partition, key }: Pick<DirtyRow, 'partition' | 'key'>,
  bytes: Buffer,
  from: number,
  to: number,
): DirtyRow | undefined {
  const bodyAt = bodyIn(bytes, from, to);
  if (bodyAt < 0) return undefined;
  return { partition, key, version: versionIn(bytes, from), form: formIn(bytes, from, bodyAt, to) };
}

/** Where the body begins; −1 for what is no entry of this format. */
function bodyIn(bytes: Buffer, from: number, to: number): number {
  if (to - from < headBytes || bytes[from] !== format) return -1;
  const kind = bytes[from + kindAt];
  const length = numberIn(bytes, from + kindAt + 2, from + headBytes);
  const bodyAt = from + headBytes + length;
  const isSound = length <= longestOperation && bodyAt <= to && !Number.isNaN(versionIn(bytes, from));
  return isSound && (kind === written || kind === deleted) ? bodyAt : -1;
}

const versionIn = (bytes: Buffer, from: number): number => {
  const version = numberIn(bytes, from + 1, from + kindAt);
  return Number.isSafeInteger(version) ? version : Number.NaN;
};

function formIn(bytes: Buffer, from: number, bodyAt: number, to: number): DirtyForm | undefined {
  if (bytes[from + kindAt] === deleted) return undefined;
  const flag = bytes[from + kindAt + 1]!;
  const flags = flag === 0x30 ? 0 : Number.parseInt(String.fromCharCode(flag), 36);
  return { body: bytes.subarray(bodyAt, to), flags };
}

/** The number that the digits there make; NaN for anything else. */
function numberIn(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = 10 * value + digit;
  }
  return value;
}
