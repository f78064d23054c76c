import type { CacheDef } from '../define.ts';
import { messageOf } from '../errors.ts';
import type { CacheClient, Settled } from '../facade.ts';
import { isNegative } from '../store/entry.ts';
import type { Store } from '../store/store.ts';
import { statsOf } from './counts.ts';
import { createFront } from './front.ts';
import type { ReadParts } from './read-steps.ts';
import { createReads } from './reads.ts';
import { createSetter } from './set.ts';
import { createWriter, type WriterParts } from './writer.ts';

/** One cache as applications use it. */
export interface Cache<Id, Value> extends CacheClient<Id, Value> {
  /** By keys instead of ids. */
  deleteKeys(keys: readonly string[], on?: Store): Promise<void>;
  expireKeys(keys: readonly string[], on?: Store): Promise<void>;
  settled(): Promise<void>;
}

/** A hit is one MGET of a tick; a miss is one load under a lease; every read is counted. */
export function createCache<Name extends string, Id, Value>(
  def: CacheDef<Name, Id, Value>,
  parts: ReadParts & WriterParts,
): Cache<Id, Value> {
  const { store, judge, events, counts, memory } = parts;
  const { name } = def;
  const reads = createReads<Id, Value>(def, parts);
  const setter = createSetter(def, parts);

  const deleteKeys = async (keys: readonly string[], on: Store = store): Promise<void> => {
    try {
      await on.delete(name, keys);
    } finally {
      reads.drop(keys);
    }
  };

  const writer = createWriter(def, parts, {
    forget: deleteKeys,
    drop: reads.drop,
    async store(key, id, value, options) {
      try {
        await setter(key, id, value, options);
      } finally {
        reads.drop([key]);
      }
    },
  });
  const front = createFront(def, memory, { read: reads.one, readMany: reads.many });

  return {
    name,

    get: front.get,

    async getMany(ids, options) {
      const asked = new Map<string, Id>();
      for (const id of ids) {
        const key = def.key.encode(id);
        if (!asked.has(key)) asked.set(key, id);
      }
      const found = new Map<Id, Value>();
      for (const [key, each] of await front.readMany(asked, options)) {
        if (each.state === 'error') throw each.error;
        if (each.state === 'value') found.set(asked.get(key)!, each.value);
      }
      return found;
    },

    async getSettled(ids, options) {
      const asked = new Map<string, Id>();
      const found = new Map<Id, Settled<Value>>();
      const keys = new Map<Id, string>();
      for (const id of ids) {
        try {
          const key = def.key.encode(id);
          keys.set(id, key);
          if (!asked.has(key)) asked.set(key, id);
          found.set(id, absent);
        } catch (error) {
          found.set(id, { state: 'error', error });
        }
      }
      const settled = await front.readMany(asked, options);
      for (const [id, key] of keys) found.set(id, settled.get(key)!);
      return found;
    },

    async has(id) {
      const key = def.key.encode(id);
      try {
        const [head] = await store.heads(name, [key]);
        if (head === undefined) return false;
        const judged = await judge.one(head);
        return (judged === 'alive' || judged === 'stale') && !isNegative(head);
      } catch (error) {
        events.emit('store:failed', { role: 'cache', message: messageOf(error) });
        return false;
      }
    },

    ...writer,

    stats: () => statsOf(counts, memory),

    deleteKeys,

    async expireKeys(keys, on = store) {
      try {
        await on.expire(name, keys);
      } finally {
        reads.drop(keys);
      }
    },

    settled: reads.settled,
  };
}

const absent = { state: 'missing' } as const;
