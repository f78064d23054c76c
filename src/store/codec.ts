import { parse, stringify } from 'devalue';
import { Packr } from 'msgpackr';
import { isEncoded } from '../define.ts';
import { messageOf, SamovarError } from '../errors.ts';
import type { ValueCodec } from '../values.ts';
import { flags } from './entry.ts';
import { holds, isPlain, isSpecial } from './plain.ts';

/** A value as it is stored: `flags` say what the body is. */
export interface Form {
  readonly body: string | Buffer;
  readonly flags: number;
}

export type CodecChoice = 'json' | 'msgpack' | ValueCodec;

/** Other languages read it; a value never shares memory with the bytes it came from. */
const msgpack = new Packr({ useRecords: false, moreTypes: true, copyBuffers: true });
/** The common form has one kind of map; this one tells maps from objects. */
const typedMsgpack = new Packr({
  useRecords: true,
  mapsAsObjects: false,
  moreTypes: true,
  copyBuffers: true,
});

/**
 * The stored form of a value. Text that is JSON already passes through, whatever the codec. What JSON cannot hold
 * (dates, maps, big integers, bytes, undefined, …) takes a typed form. E_ENCODE when nothing can hold it.
 */
export function encode(cache: string, value: unknown, codec: CodecChoice = 'json'): Form {
  if (isEncoded(value)) {
    if (typeof value.json === 'string') return { body: value.json, flags: 0 };
    throw refused(cache, `encoded() was given ${nameOf(value.json)} instead of a text`);
  }
  try {
    if (codec === 'json') return encodeJson(cache, value);
    if (typeof value === 'function' || typeof value === 'symbol')
      throw refused(cache, `it is a ${typeof value}`);
    if (codec === 'msgpack') {
      // The library renames such a field; JSON does not.
      if (holds(value, (each) => Object.hasOwn(each, '__proto__'))) return encodeJson(cache, value);
      const isTyped = holds(value, (each) => each instanceof Map);
      const body = Buffer.from((isTyped ? typedMsgpack : msgpack).pack(value));
      return { body, flags: flags.msgpack | (isTyped ? flags.typed : 0) };
    }
    const body = codec.encode(value);
    return { body: Buffer.from(body as Uint8Array), flags: flags.custom };
  } catch (error) {
    if (error instanceof SamovarError) throw error;
    throw refused(cache, messageOf(error).split('\n')[0]!, error);
  }
}

function encodeJson(cache: string, value: unknown): Form {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw refused(cache, `it is a ${typeof value}`);
  return isPlain(value)
    ? { body: JSON.stringify(value), flags: 0 }
    : { body: stringify(value, toTyped), flags: flags.typed };
}

/** A fresh value. Throws when the bytes are not what the flags say. */
export function decode({ body, flags: bits }: Form, codec: CodecChoice = 'json'): unknown {
  if (bits === 0) return JSON.parse(typeof body === 'string' ? body : body.toString('utf8'));
  if (bits === flags.typed) return parse(typeof body === 'string' ? body : body.toString('utf8'), fromTyped);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (bits === flags.msgpack) return msgpack.unpack(bytes);
  if (bits === (flags.msgpack | flags.typed)) return typedMsgpack.unpack(bytes);
  if (bits === flags.custom && typeof codec === 'object') return codec.decode(bytes);
  throw new Error('written by a codec that is not known here');
}

const isInstance = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null || isSpecial(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== null && prototype !== Object.prototype;
};

/** How what the library does not know is written; the others it writes itself. */
const toTyped: Record<string, (value: unknown) => unknown> = {
  Buffer: (value) => Buffer.isBuffer(value) && [value.toString('base64')],
  // As JSON does it: an instance is its fields or what its `toJSON` says, a function is left out.
  Fields: (value) => isInstance(value) && [fieldsOf(value)],
  Nothing: (value) => (typeof value === 'function' || typeof value === 'symbol') && 1,
};

const fromTyped: Record<string, (held: [unknown]) => unknown> = {
  Buffer: ([text]) => Buffer.from(text as string, 'base64'),
  Fields: ([fields]) => fields,
  Nothing: () => undefined,
};

const fieldsOf = (value: object): unknown =>
  'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : { ...value };

const nameOf = (value: unknown): string =>
  value === null || typeof value !== 'object' ? typeof value : value.constructor.name;

const refused = (cache: string, why: string, cause?: unknown): SamovarError =>
  new SamovarError('E_ENCODE', `a value of caches.${cache} cannot be stored: ${why}`, {
    hints: ['return plain data from `load`: objects, arrays, texts, numbers, dates, maps, bytes'],
    cause,
  });
