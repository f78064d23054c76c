import { type AnyCacheDef, isEncoded } from '../define.ts';
import { messageOf } from '../errors.ts';
import { decode, type Form } from '../store/codec.ts';
import { bodyOf, flags, flagsOf, isNegative, textOf } from '../store/entry.ts';
import { unsqueeze } from '../store/squeeze.ts';
import type { CacheSettings } from './options.ts';

/** Why a stored value is of no use. */
export class Unfit extends Error {
  readonly why: 'corrupt' | 'schema';
  constructor(why: 'corrupt' | 'schema', cause?: unknown) {
    super(why, { cause });
    this.why = why;
  }
}

/** A form of which a value was made already: it is given to the first who asks. */
interface ReadForm extends Form {
  once?: { readonly value: unknown } | undefined;
}

/** Values from what is stored of them: every call makes a value of its own. */
export interface Reader {
  /** At once, unless it must be inflated aside or a schema takes its time. Throws, or rejects, with Unfit. */
  read(form: Form): unknown;
  /** The value in an entry, undefined for a negative one. */
  fromEntry(bytes: Buffer): unknown;
  /** What an entry holds, for several to read; undefined for a negative one. Throws, or rejects, as `read` does. */
  formOf(bytes: Buffer): Form | undefined | Promise<Form | undefined>;
  /** Why a loaded value does not fit the schema; undefined when it does. */
  misfit(value: unknown): Promise<string | undefined>;
}

/** What an entry holds; undefined = the origin has no such id. */
const stored = (bytes: Buffer): Form | undefined => {
  if (isNegative(bytes)) return undefined;
  const bits = flagsOf(bytes);
  return (bits & ~flags.typed) === 0
    ? { body: textOf(bytes), flags: bits }
    : { body: bodyOf(bytes), flags: bits };
};

export function createReader(def: AnyCacheDef, settings: CacheSettings): Reader {
  const { schema } = def;

  const checked = (form: Form): unknown => {
    let value: unknown;
    try {
      value = decode(form, settings.codec);
    } catch (error) {
      throw new Unfit('corrupt', error);
    }
    if (schema === undefined) return value;
    try {
      const result = schema['~standard'].validate(value);
      return result instanceof Promise ? result.then(passed, threw) : passed(result);
    } catch (error) {
      return threw(error);
    }
  };

  const read = (form: ReadForm): unknown => {
    const { once } = form;
    if (once !== undefined) {
      form.once = undefined;
      return once.value;
    }
    if ((form.flags & flags.deflated) === 0) return checked(form);
    let whole: Form | Promise<Form>;
    try {
      whole = unsqueeze(form, settings.maxValueBytes);
    } catch (error) {
      throw new Unfit('corrupt', error);
    }
    return whole instanceof Promise
      ? whole.then(checked, (error) => Promise.reject(new Unfit('corrupt', error)))
      : checked(whole);
  };

  return {
    read,
    async misfit(value) {
      try {
        const result = await schema!['~standard'].validate(isEncoded(value) ? JSON.parse(value.json) : value);
        return result.issues?.[0]?.message ?? (result.issues ? 'no reason was given' : undefined);
      } catch (error) {
        return messageOf(error);
      }
    },
    formOf(bytes) {
      const form = stored(bytes);
      if (form === undefined) return undefined;
      const withValue = (value: unknown): ReadForm => ({ ...form, once: { value } });
      const value = read(form);
      return value instanceof Promise ? value.then(withValue) : withValue(value);
    },
    fromEntry(bytes) {
      if (flagsOf(bytes) === 0 && schema === undefined) {
        try {
          return JSON.parse(textOf(bytes));
        } catch (error) {
          throw new Unfit('corrupt', error);
        }
      }
      const form = stored(bytes);
      return form === undefined ? undefined : read(form);
    },
  };
}

const threw = (error: unknown): never => {
  throw error instanceof Unfit ? error : new Unfit('schema', error);
};

const passed = (result: {
  readonly issues?: readonly unknown[] | undefined;
  readonly value?: unknown;
}): unknown => {
  if (result.issues) throw new Unfit('schema', result.issues);
  return result.value;
};
