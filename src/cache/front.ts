import type { CacheDef } from '../define.ts';
import type { CacheClient, ReadOptions, Settled } from '../facade.ts';
import { key as codecs } from '../key.ts';
import type { Memory } from './memory.ts';

/** Reads that memory cannot answer. */
export interface Behind<Id, Value> {
  read(key: string, id: Id, options: ReadOptions<Id, Value> | undefined): Promise<Value | undefined>;
  /** By key, in the order they were asked. */
  readMany(
    asked: ReadonlyMap<string, Id>,
    options: ReadOptions<Id, Value> | undefined,
  ): Promise<Map<string, Settled<Value>>>;
}

export interface Front<Id, Value> extends Pick<CacheClient<Id, Value>, 'get'> {
  readMany: Behind<Id, Value>['readMany'];
}

/** Answers at once what memory holds; a hit there makes nothing but the promise it returns. */
export function createFront<Name extends string, Id, Value>(
  { key: codec }: CacheDef<Name, Id, Value>,
  memory: Memory | undefined,
  { read, readMany }: Behind<Id, Value>,
): Front<Id, Value> {
  const ask = (id: Id, options: ReadOptions<Id, Value> | undefined): Promise<Value | undefined> => {
    try {
      const key = codec.encode(id);
      const held = memory?.find(key, options?.caller) as Promise<Value | undefined> | undefined;
      return held ?? read(key, id, options);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  if (memory === undefined) return { get: ask, readMany };

  return {
    get:
      (codec as unknown) === codecs.string
        ? // A text that is held is its own key, and was looked at when it came.
          (id, options) =>
            (memory.find(id as string, options?.caller) as Promise<Value | undefined> | undefined) ??
            ask(id, options)
        : ask,

    async readMany(asked, options) {
      const held = new Map<string, Settled<Value>>();
      const rest = new Map<string, Id>();
      for (const [key, id] of asked) {
        const found = memory.take(key, options?.caller);
        if (found === undefined) rest.set(key, id);
        else held.set(key, settledAs(found.value as Value | undefined));
      }
      if (held.size === 0) return readMany(asked, options);
      const read = rest.size === 0 ? undefined : await readMany(rest, options);
      const all = new Map<string, Settled<Value>>();
      for (const key of asked.keys()) all.set(key, held.get(key) ?? read!.get(key)!);
      return all;
    },
  };
}

const absent = { state: 'missing' } as const;

export const settledAs = <Value>(value: Value | undefined): Settled<Value> =>
  value === undefined ? absent : { state: 'value', value };
