import { isEncoded } from '../define.ts';
import { messageOf, SamovarError } from '../errors.ts';

/** The JSON text of a value; text that is JSON already passes through. E_ENCODE when JSON cannot hold it. */
export function encode(cache: string, value: unknown): string {
  if (isEncoded(value)) {
    if (typeof value.json === 'string') return value.json;
    throw refused(cache, `encoded() was given ${nameOf(value.json)} instead of a text`);
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw refused(cache, `it is ${value}`);
  if (value instanceof Map || value instanceof Set) throw refused(cache, `it is a ${nameOf(value)}`);
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw refused(cache, messageOf(error).split('\n')[0]!, error);
  }
  if (text === undefined) throw refused(cache, `it is a ${typeof value}`);
  return text;
}

/** A fresh value. Throws when the text is not JSON. */
export const decode = (text: string): unknown => JSON.parse(text);

const nameOf = (value: unknown): string =>
  value === null || typeof value !== 'object' ? typeof value : value.constructor.name;

const refused = (cache: string, why: string, cause?: unknown): SamovarError =>
  new SamovarError('E_ENCODE', `a value of caches.${cache} cannot be stored as JSON: ${why}`, {
    hints: ['return plain data from `load`: objects, arrays, texts, finite numbers, true, false'],
    cause,
  });
