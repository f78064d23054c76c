import type { CacheDef } from '../define.ts';
import type { CacheClient, ReadOptions, Settled } from '../facade.ts';
import { key as codecs } from '../key.ts';
import { isWithinLoad } from '../origin/within.ts';
import type { Memory } from './memory.ts';
import { follow, type Share } from './share.ts';

/** Reads that memory cannot answer. */
export interface Behind<Id, Value> {
  /** Tells those who share it. */
  read(
    key: string,
    id: Id,
    options: ReadOptions<Id, Value> | undefined,
    share?: Share<Value>,
  ): Promise<Value | undefined>;
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
  // None of these has left for Redis yet: what one is answered is true for all.
  let shares: Map<string, Share<Value>> | undefined;
  // The first of a tick is nearly always the only one: a map for it alone would cost more than the rest of this.
  let firstKey = '';
  let first: Share<Value> | undefined;
  const forget = (): void => {
    first = undefined;
    // A map that is cleared leads from its old table, with all that was in it, to its new one: old rounds, once they are
    // old to the garbage collector, would keep every later round alive.
    shares = undefined;
  };

  const shared = (
    key: string,
    id: Id,
    options: ReadOptions<Id, Value> | undefined,
  ): Promise<Value | undefined> => {
    // A loader that waited for a load which waits for it would wait for ever.
    if (isOwn(options) || isWithinLoad()) return read(key, id, options);
    const known = first === undefined ? undefined : key === firstKey ? first : shares?.get(key);
    if (known !== undefined) return follow(known, read, key, id, options);
    const share: Share<Value> = { answer: undefined, following: undefined };
    if (first === undefined) {
      first = share;
      firstKey = key;
      process.nextTick(forget);
    } else {
      shares ??= new Map();
      shares.set(key, share);
    }
    share.answer = read(key, id, options, share);
    return share.answer;
  };

  const ask = (id: Id, options: ReadOptions<Id, Value> | undefined): Promise<Value | undefined> => {
    try {
      const key = codec.encode(id);
      const held = memory?.find(key, options?.caller) as Promise<Value | undefined> | undefined;
      return held ?? shared(key, id, options);
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

/** How stale is too stale, and what is given instead of a failure, is each reader's own. */
const isOwn = (options: ReadOptions | undefined): boolean =>
  options !== undefined && (options.maxStale !== undefined || options.fallback !== undefined);

const absent = { state: 'missing' } as const;

export const settledAs = <Value>(value: Value | undefined): Settled<Value> =>
  value === undefined ? absent : { state: 'value', value };
