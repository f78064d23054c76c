import type { CacheDef } from '../define.ts';
import { durationMs } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import type { CacheClient, ReadOptions, Settled } from '../facade.ts';
import { isHashed } from '../key.ts';
import type { Form } from '../store/codec.ts';
import { filledAtOf, freshUntilOf, isNegative, planOf, rowOf } from '../store/entry.ts';
import { type Counts, statsOf } from './counts.ts';
import { isDueEarly } from './early.ts';
import type { Flight } from './flight.ts';
import { Unfit } from './form.ts';
import { createFront, settledAs } from './front.ts';
import type { Judgement } from './judge.ts';
import type { Want } from './landing.ts';
import type { Memory } from './memory.ts';
import { createMisses, type MissParts, pastOf } from './miss.ts';
import { broughtWithin, createRefresher } from './refresh.ts';
import { createSetter } from './set.ts';
import { type Share, tellFollowers } from './share.ts';
import { createSlide } from './slide.ts';
import { createWrite } from './write.ts';

export interface CacheCoreParts extends MissParts {
  readonly counts: Counts;
  /** @default nothing is kept in this process */
  readonly memory?: Memory | undefined;
  /** From 0 up to 1. */
  chance(): number;
}

/** One cache as applications use it. */
export interface Cache<Id, Value> extends CacheClient<Id, Value> {
  /** By keys instead of ids. */
  deleteKeys(keys: readonly string[]): Promise<void>;
  expireKeys(keys: readonly string[]): Promise<void>;
  settled(): Promise<void>;
}

/** What an entry gave: its value, or why it is of no use. */
type Found = { readonly value: unknown } | Judgement | 'schema';

/** A hit is one MGET of a tick; a miss is one load under a lease; every read is counted. */
export function createCache<Name extends string, Id, Value>(
  def: CacheDef<Name, Id, Value>,
  parts: CacheCoreParts,
): Cache<Id, Value> {
  const { store, judge, events, recorder, settings, reader, clock, counts, rates, pulse, chance, memory } =
    parts;
  const { name } = def;
  const { earlyRefresh: beta, softMs } = settings;
  const misses = createMisses(parts);
  const refresher = createRefresher(parts);
  const slide = createSlide(name, settings, parts);
  const setter = createSetter(def, parts);
  const tellHashed = once(() => events.emit('key:hashed', { cache: name }));

  /** At once, unless the value takes its time to be read. */
  const open = (bytes: Buffer): Found | Promise<Found> => {
    try {
      const value = reader.fromEntry(bytes);
      return value instanceof Promise ? value.then(found, unfit) : { value };
    } catch (error) {
      return unfit(error);
    }
  };

  const isStaleEnough = (bytes: Buffer, options: ReadOptions | undefined): boolean => {
    if (options?.maxStale === undefined) return true;
    const now = clock.now();
    const freshUntil = freshUntilOf(bytes);
    // What was expired by hand, or by a tag, may have been wrong ever since it was filled.
    const since = freshUntil > 0 && freshUntil <= now ? freshUntil : filledAtOf(bytes);
    return now - since < durationMs(options.maxStale, 'maxStale');
  };

  const isUsable = (bytes: Buffer, judged: Judgement, options: ReadOptions | undefined): boolean =>
    judged === 'alive' || (judged === 'stale' && isStaleEnough(bytes, options));

  const missed = (key: string, caller: string | undefined, found?: Found): void => {
    counts.misses += 1;
    rates?.read(key);
    recorder.miss(name, key, caller);
    if (isHashed(key)) tellHashed();
    if (found === 'corrupt' || found === 'version' || found === 'schema')
      events.emit('entry:refused', { cache: name, why: found });
  };

  const hit = (key: string, caller: string | undefined, bytes: Buffer, judged: Found): void => {
    if (judged === 'stale') counts.stale += 1;
    else if (isNegative(bytes)) counts.negatives += 1;
    else counts.hits += 1;
    rates?.read(key);
    recorder.hit(name, key, caller, planOf(bytes), rowOf(bytes));
  };

  const refresh = (key: string, id: Id, bytes: Buffer): Flight | undefined => {
    const flight = refresher.begin({ key, id, past: pastOf(bytes) });
    return softMs > 0 ? flight : undefined;
  };

  /** What a fresh entry leads to besides its value. */
  const fresh = (key: string, id: Id, bytes: Buffer): void => {
    if (isNegative(bytes)) return;
    slide?.read(key, bytes);
    if (beta > 0 && isDueEarly(bytes, { now: clock.now(), loadMs: pulse.loadMs, beta, chance }))
      refresher.begin({ key, id, past: pastOf(bytes) });
  };

  const storeFailed = (error: unknown) =>
    events.emit('store:failed', { role: 'cache', message: messageOf(error) });

  const valueIn = async (form: Form | undefined): Promise<Value | undefined> => {
    try {
      return (form === undefined ? undefined : await reader.read(form)) as Value | undefined;
    } catch (error) {
      const why = messageOf(error instanceof Error && error.cause ? error.cause : error);
      throw new SamovarError('E_ENCODE', `a value of caches.${name} cannot be read back: ${why}`, {
        cause: error,
      });
    }
  };

  const drop = (keys: readonly string[]): void => {
    misses.drop(keys);
    refresher.drop(keys);
    memory?.drop(keys);
  };

  const deleteKeys = async (keys: readonly string[]): Promise<void> => {
    try {
      await store.delete(name, keys);
    } finally {
      drop(keys);
    }
  };

  const write = createWrite({ def, clock, timeoutMs: settings.timeoutMs, forget: deleteKeys });

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
    const stamp = memory?.stamp() ?? 0;
    try {
      entries = await store.getMany(name, keys);
      judged = await judge.many(entries);
    } catch (error) {
      storeFailed(error);
      isStoreAway = true;
    }
    const settled = new Map<string, Settled<Value>>(keys.map((key) => [key, absent]));
    const wants: Want[] = [];
    const refreshes: Flight[] = [];
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const id = asked.get(key)!;
      const past = entries[i];
      let found: Found | undefined = judged[i];
      if (past && found && typeof found === 'string' && isUsable(past, found as Judgement, options)) {
        const opened = open(past);
        found = opened instanceof Promise ? await opened : opened;
      }
      if (past && typeof found === 'object') {
        hit(key, caller, past, judged[i]!);
        if (judged[i] === 'alive') memory?.keep(key, stamp, past, found.value);
        settled.set(key, settledAs(found.value as Value | undefined));
        const flight = judged[i] === 'stale' ? refresh(key, id, past) : fresh(key, id, past);
        if (flight) refreshes.push(flight);
      } else {
        missed(key, caller, found);
        wants.push({ key, id, past: past && pastOf(past) });
      }
    }
    // All are awaited before any failure is told, so that what did load is stored when the caller hears of it.
    const [loaded, brought] = await Promise.all([
      Promise.allSettled(misses.read(wants, { isStoreAway }).map(inTime)),
      refreshes.length === 0 ? nothing : broughtWithin(refreshes, (signal) => clock.sleep(softMs, signal)),
    ]);
    for (const [i, each] of loaded.entries()) {
      const { key } = wants[i]!;
      settled.set(
        key,
        each.status === 'rejected'
          ? { state: 'error', error: each.reason }
          : settledAs(await valueIn(each.value)),
      );
    }
    for (const [key, form] of brought) settled.set(key, settledAs(await valueIn(form)));
    return settled;
  };

  /** A reader's own patience; the load goes on. */
  const inTime = <T>(work: Promise<T>): Promise<T> => {
    const { hardMs } = settings;
    if (hardMs === undefined) return work;
    return new Promise((resolve, reject) => {
      const timer = clock.after(hardMs, () =>
        reject(
          new SamovarError('E_LOAD_TIMEOUT', `a value of caches.${name} did not come within ${hardMs} ms`, {
            hints: [`raise \`caches.${name}.timeouts.hard\`, or make its load faster`],
          }),
        ),
      );
      work.then(resolve, reject).finally(() => timer.stop());
    });
  };

  const readOne = async (
    key: string,
    id: Id,
    options: ReadOptions | undefined,
    share?: Share<Value>,
  ): Promise<Value | undefined> => {
    const caller = options?.caller;
    const stamp = memory?.stamp() ?? 0;
    let past: Buffer | undefined;
    let found: Found | undefined;
    let isStoreAway = false;
    try {
      past = await store.get(name, key);
      if (past !== undefined) {
        const judging = judge.one(past);
        const judged = typeof judging === 'string' ? judging : await judging;
        found = judged;
        if (isUsable(past, judged, options)) {
          const opened = open(past);
          found = opened instanceof Promise ? await opened : opened;
          if (typeof found === 'object') {
            hit(key, caller, past, judged);
            if (judged === 'alive') {
              fresh(key, id, past);
              memory?.keep(key, stamp, past, found.value);
            } else {
              const flight = refresh(key, id, past);
              if (flight) {
                const brought = await broughtWithin([flight], (signal) => clock.sleep(softMs, signal));
                if (brought.has(key)) {
                  const [value, bytes] = [await valueIn(brought.get(key)), past];
                  tellFollowers(share, value, (by) => hit(key, by, bytes, judged));
                  return value;
                }
              }
            }
            const value = found.value as Value | undefined;
            const bytes = past;
            if (share?.followers) tellFollowers(share, value, (by) => hit(key, by, bytes, judged));
            return value;
          }
        }
      }
    } catch (error) {
      storeFailed(error);
      isStoreAway = true;
    }
    missed(key, caller, found);
    const [form] = misses.read([{ key, id, past: past && pastOf(past) }], { isStoreAway });
    const value = await valueIn(await inTime(form!));
    if (share?.followers) tellFollowers(share, value, (by) => missed(key, by));
    return value;
  };
  const front = createFront(def, memory, { read: readOne, readMany });

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
        storeFailed(error);
        return false;
      }
    },

    async set(id, value, options) {
      const key = def.key.encode(id);
      try {
        await setter(key, id, value, options);
      } finally {
        drop([key]);
      }
    },

    write,

    async delete(ids) {
      const all = Array.isArray(ids) ? (ids as readonly Id[]) : [ids as Id];
      await deleteKeys(all.map((id) => def.key.encode(id)));
    },

    stats: () => statsOf(counts, memory),

    deleteKeys,

    async expireKeys(keys) {
      try {
        await store.expire(name, keys);
      } finally {
        drop(keys);
      }
    },

    async settled() {
      await Promise.all([misses.settled(), refresher.settled(), slide?.settled()]);
    },
  };
}

const absent = { state: 'missing' } as const;
const nothing: ReadonlyMap<string, Form | undefined> = new Map();

const found = (value: unknown): Found => ({ value });

const unfit = (error: unknown): Found => {
  if (error instanceof Unfit) return error.why;
  throw error;
};

function once(task: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    task();
  };
}
