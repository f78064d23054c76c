import { createHash } from 'node:crypto';
import { isSamovarError, messageOf, SamovarError } from './errors.ts';

/** Both ways between an application's id and the text that names it in stores and analytics. */
export interface KeyCodec<Id> {
  readonly name: string;
  encode(id: Id): string;
  /** Throws E_KEY when the text cannot have come from `encode`. */
  decode(key: string): Id;
}

/** Keys longer than this many bytes are stored under their hash. */
export const longestKeyBytes = 8_192;
/** Begins what no access log carries, so that nobody plans for an id that its key cannot tell. */
const hashMark = '\0sha256:';

/** Whether a key is the hash of one that was too long. */
export const isHashed = (key: string): boolean => key.startsWith(hashMark);

const wrong = (codec: string, value: unknown): SamovarError =>
  new SamovarError('E_KEY', `expected an id for the ${codec} key codec, got ${describe(value)}`);

const string: KeyCodec<string> = {
  name: 'string',
  encode(id) {
    if (typeof id !== 'string' || id === '') throw wrong('string', id);
    // Half a character is written as the same replacement, whichever half it was: ids would share an entry.
    if (!id.isWellFormed()) throw wrong('string', id);
    // An id that looks like a hash is hashed itself, or it would name another's entry.
    if ((id.length > longestKeyBytes / 3 && Buffer.byteLength(id) > longestKeyBytes) || isHashed(id))
      return `${hashMark}${createHash('sha256').update(id).digest('base64url')}`;
    return id;
  },
  decode(key) {
    if (isHashed(key))
      throw new SamovarError('E_KEY', 'a key that was too long is a hash now: it names no id');
    return key;
  },
};

const number: KeyCodec<number> = {
  name: 'number',
  encode(id) {
    if (typeof id !== 'number' || !Number.isFinite(id)) throw wrong('number', id);
    return String(id);
  },
  decode(key) {
    const id = Number(key);
    if (key.trim() === '' || !Number.isFinite(id)) throw wrong('number', key);
    return id;
  },
};

const bigint: KeyCodec<bigint> = {
  name: 'bigint',
  encode(id) {
    if (typeof id !== 'bigint') throw wrong('bigint', id);
    return String(id);
  },
  decode(key) {
    if (!/^-?\d+$/.test(key)) throw wrong('bigint', key);
    return BigInt(key);
  },
};

const json = <Id>(): KeyCodec<Id> => ({
  name: 'json',
  encode(id) {
    let text: string | undefined;
    try {
      text = JSON.stringify(sorted(id));
    } catch {
      // A bigint, or an object that holds itself.
    }
    if (text === undefined) throw wrong('json', id);
    return string.encode(text);
  },
  decode(key) {
    try {
      return JSON.parse(string.decode(key)) as Id;
    } catch {
      throw wrong('json', key);
    }
  },
});

/** Objects with the same content give the same text, whatever the order of their properties. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}

const custom = <Id>(codec: { encode(id: Id): string; decode(key: string): Id }): KeyCodec<Id> => ({
  name: 'custom',
  encode: (id) => string.encode(asKeyError(() => codec.encode(id))),
  decode: (key) => asKeyError(() => codec.decode(string.decode(key))),
});

/** Whatever a codec throws at an id that it did not expect says the same. */
function asKeyError<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (isSamovarError(error)) throw error;
    throw new SamovarError(
      'E_KEY',
      `expected an id for the custom key codec, which threw: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** The built-in key codecs. */
export const key = { string, number, bigint, json, custom };

// Texts come in more kinds than V8 remembers at one place: there it would look the method up for every character.
const { charCodeAt } = String.prototype;

/** A 32-bit FNV-1a hash; the same in every process, for jitter and partitions. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  const { length } = text;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ charCodeAt.call(text, i), 0x01000193);
  return hash >>> 0;
}

function describe(value: unknown): string {
  const text = typeof value === 'string' ? `'${value.slice(0, 40)}'` : String(value).slice(0, 40);
  return `${typeof value} ${text}`;
}
