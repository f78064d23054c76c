import type { CacheDef } from '../define.ts';
import { messageOf } from '../errors.ts';
import type { CacheClient, ReadOptions, Settled } from '../facade.ts';
import { isHashed } from '../key.ts';
import { decode } from '../store/codec.ts';
import { isNegative, planOf, rowOf, textOf } from '../store/entry.ts';
import type { Judgement } from './judge.ts';
import type { Want } from './landing.ts';
import { createMisses, type MissParts, pastOf } from './miss.ts';

/** One cache as applications use it. */
export interface Cache<Id, Value> extends CacheClient<Id, Value> {
  /** By keys instead of ids. */
  deleteKeys(keys: readonly string[]): Promise<void>;
  settled(): Promise<void>;
}

/** What an entry gave: its value, or why it is of no use. */
type Found = { readonly value: unknown } | Exclude<Judgement, 'alive'>;

/** A hit is one MGET of a tick; a miss is one load under a lease; every read is counted. */
export function createCache<Name extends string, Id, Value>(
  def: CacheDef<Name, Id, Value>,
  parts: MissParts,
): Cache<Id, Value> {
  const { store, judge, events, recorder } = parts;
  const { name } = def;
  const misses = createMisses(parts);
  const tellHashed = once(() => events.emit('key:hashed', { cache: name }));

  const open = (key: string, caller: string | undefined, bytes: Buffer, judged: Judgement): Found => {
    if (judged !== 'alive') return judged;
    try {
      const value = isNegative(bytes) ? undefined : decode(textOf(bytes));
      recorder.hit(name, key, caller, planOf(bytes), rowOf(bytes));
      return { value };
    } catch {
      return 'corrupt';
    }
  };

  const missed = (key: string, caller: string | undefined, found?: Found): void => {
    recorder.miss(name, key, caller);
    if (isHashed(key)) tellHashed();
    if (found === 'corrupt' || found === 'version') events.emit('entry:refused', { cache: name, why: found });
  };

  const storeFailed = (error: unknown) =>
    events.emit('store:failed', { role: 'cache', message: messageOf(error) });

  const deleteKeys = async (keys: readonly string[]): Promise<void> => {
    await store.delete(name, keys);
    misses.drop(keys);
  };

  /** By key, in the order they were asked. */
  const readMany = async (
    asked: ReadonlyMap<string, Id>,
    options: ReadOptions | undefined,
  ): Promise<Map<string, Settled<Value>>> => {
    const caller = options?.caller;
    const keys = [...asked.keys()];
    let entries: readonly (Buffer | undefined)[] = [];
    let judged: readonly (Judgement | undefined)[] = [];
    let isStoreAway = false;
    try {
      entries = await store.getMany(name, keys);
      judged = await judge.many(entries);
    } catch (error) {
      storeFailed(error);
      isStoreAway = true;
    }
    const settled = new Map<string, Settled<Value>>(keys.map((key) => [key, absent]));
    const wants: Want[] = [];
    keys.forEach((key, i) => {
      const past = entries[i];
      const found = past && judged[i] ? open(key, caller, past, judged[i]) : undefined;
      if (typeof found === 'object') {
        settled.set(key, settledAs(found.value));
      } else {
        missed(key, caller, found);
        wants.push({ key, id: asked.get(key), past: past && pastOf(past) });
      }
    });
    // All are awaited before any failure is told, so that what did load is stored when the caller hears of it.
    const loaded = await Promise.allSettled(misses.read(wants, { isStoreAway }));
    loaded.forEach((each, i) => {
      const { key } = wants[i]!;
      if (each.status === 'rejected') settled.set(key, { state: 'error', error: each.reason });
      else settled.set(key, settledAs(each.value === undefined ? undefined : decode(each.value)));
    });
    return settled;
  };

  return {
    name,

    async get(id, options) {
      const key = def.key.encode(id);
      const caller = options?.caller;
      let past: Buffer | undefined;
      let isStoreAway = false;
      try {
        past = await store.get(name, key);
        if (past === undefined) {
          missed(key, caller);
        } else {
          const judged = judge.one(past);
          const found = open(key, caller, past, typeof judged === 'string' ? judged : await judged);
          if (typeof found === 'object') return found.value as Value | undefined;
          missed(key, caller, found);
        }
      } catch (error) {
        storeFailed(error);
        missed(key, caller);
        isStoreAway = true;
      }
      const text = await misses.read([{ key, id, past: past && pastOf(past) }], { isStoreAway })[0];
      return text === undefined ? undefined : (decode(text) as Value);
    },

    async getMany(ids, options) {
      const asked = new Map<string, Id>();
      for (const id of ids) {
        const key = def.key.encode(id);
        if (!asked.has(key)) asked.set(key, id);
      }
      const found = new Map<Id, Value>();
      for (const [key, each] of await readMany(asked, options)) {
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
      const settled = await readMany(asked, options);
      for (const [id, key] of keys) found.set(id, settled.get(key)!);
      return found;
    },

    async delete(ids) {
      const all = Array.isArray(ids) ? (ids as readonly Id[]) : [ids as Id];
      await deleteKeys(all.map((id) => def.key.encode(id)));
    },

    deleteKeys,
    settled: () => misses.settled(),
  };
}

const absent = { state: 'missing' } as const;

const settledAs = <Value>(value: unknown): Settled<Value> =>
  value === undefined ? absent : { state: 'value', value: value as Value };

function once(task: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    task();
  };
}
