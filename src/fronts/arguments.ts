import { SamovarError } from '../errors.ts';
import { type KeyCodec, key } from '../key.ts';

/** Bounds what an argument may hold in itself; one that holds itself is found by it, too. */
const deepest = 32;

/**
 * Names a list of arguments, both ways: texts, finite numbers, bigints, true and false, null, undefined, dates, bytes, and
 * lists and plain objects of these. Anything else is refused, E_KEY: two values that are not the same would share a key.
 */
export const argumentKey = <Args extends readonly unknown[]>(what: string): KeyCodec<Args> =>
  key.custom(argumentText<Args>(what));

/** The texts of `argumentKey`, to be part of a key. */
export function argumentText<Args extends readonly unknown[]>(what: string): Omit<KeyCodec<Args>, 'name'> {
  return {
    encode(args) {
      if (!Array.isArray(args)) throw new SamovarError('E_KEY', `expected a list of arguments for ${what}`);
      // What is left out at the end is what nobody gave.
      const given = args.slice(0, args.findLastIndex((each) => each !== undefined) + 1);
      return JSON.stringify(
        given.map((argument, at) =>
          marked(argument, deepest, (is) => {
            throw new SamovarError('E_KEY', `argument ${at + 1} of ${what} ${is}, which no key can name`, {
              hints: [
                'pass plain data: texts, numbers, dates, bytes, lists and objects of these',
                'or say how to name it: key: key.custom({ encode, decode })',
              ],
            });
          }),
        ),
      );
    },
    decode(text) {
      try {
        const args: unknown = JSON.parse(text);
        if (Array.isArray(args)) return args.map(unmarked) as unknown as Args;
      } catch {
        // Told below: it is no list.
      }
      throw new SamovarError('E_KEY', `a key of ${what} is no list of arguments`);
    },
  };
}

function marked(value: unknown, depth: number, refuse: (is: string) => never): unknown {
  if (depth === 0) return refuse('is deeper than 32 levels, or holds itself');
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : refuse(`is or holds ${value}`);
    case 'undefined':
      return { $undefined: true };
    case 'bigint':
      return { $bigint: String(value) };
    case 'object':
      return value === null ? null : markedObject(value, depth, refuse);
    default:
      return refuse(`is or holds a ${typeof value}`);
  }
}

function markedObject(value: object, depth: number, refuse: (is: string) => never): unknown {
  if (Array.isArray(value)) return Array.from(value, (each) => marked(each, depth - 1, refuse));
  if (value instanceof Date) {
    return Number.isNaN(value.getTime())
      ? refuse('is or holds an invalid date')
      : { $date: value.toISOString() };
  }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    return refuse(`is or holds an object of class ${value.constructor?.name ?? 'unknown'}`);
  const names = Object.keys(value).sort();
  return Object.fromEntries(
    names
      .map((name) => [name, (value as Record<string, unknown>)[name]] as const)
      // As absent as one that is not there.
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name.startsWith('$') ? `$${name}` : name, marked(inner, depth - 1, refuse)]),
  );
}

function unmarked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmarked);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  const [[name, inner] = []] = entries;
  if (entries.length === 1 && name !== undefined) {
    if (name === '$undefined') return undefined;
    if (name === '$date') return new Date(String(inner));
    if (name === '$bigint') return BigInt(String(inner));
    if (name === '$bytes') return Buffer.from(String(inner), 'base64');
  }
  return Object.fromEntries(
    entries.map(([name, inner]) => [name.startsWith('$$') ? name.slice(1) : name, unmarked(inner)]),
  );
}
