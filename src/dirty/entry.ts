import type { DirtyEntry, DirtyForm } from './dirty.ts';

/**
 * A dirty value in Redis: format '1', version (16 digits), 'U' written or 'D' deleted, flags (one character, base 36),
 * length of the operation's name (two digits), that name, the body. The script writes format and version, `tail` the rest.
 */
const format = 0x31;
const headBytes = 21;
const longestOperation = 22;

/** Whether a text can name an operation. */
export const isOperation = (text: string): boolean => /^[\w-]{1,22}$/.test(text);

/** What the script appends to the version. */
export function tailOf(form: DirtyForm | undefined, operation: string): string | Buffer {
  const flags = form === undefined ? '0' : form.flags.toString(36);
  const head = `${form === undefined ? 'D' : 'U'}${flags}${String(operation.length).padStart(2, '0')}${operation}`;
  if (form === undefined) return head;
  return typeof form.body === 'string' ? head + form.body : Buffer.concat([Buffer.from(head), form.body]);
}

/** Undefined for bytes of another format: whoever knows it may own them. */
export function entryOf(bytes: Buffer): DirtyEntry | undefined {
  if (bytes.length < headBytes || bytes[0] !== format) return undefined;
  const version = Number(bytes.toString('latin1', 1, 17));
  const kind = bytes[17];
  const flags = Number.parseInt(String.fromCharCode(bytes[18]!), 36);
  const length = Number(bytes.toString('latin1', 19, headBytes));
  const bodyAt = headBytes + length;
  const isSound = Number.isSafeInteger(version) && length <= longestOperation && bytes.length >= bodyAt;
  if (!isSound || (kind !== 0x55 && kind !== 0x44)) return undefined;
  const operation = bytes.toString('latin1', headBytes, bodyAt);
  const form = kind === 0x44 ? undefined : { body: bytes.subarray(bodyAt), flags };
  return { version, operation, form };
}
