import type { CacheDef } from '../define.ts';
import type { ReadOptions, Settled } from '../facade.ts';
import type { Form } from '../store/codec.ts';
import type { Flight } from './flight.ts';
import { type Found, isUsable, openEntry } from './found.ts';
import { settledAs } from './front.ts';
import type { Judgement } from './judge.ts';
import type { Want } from './landing.ts';
import { type Misses, pastOf } from './miss.ts';
import { maxStaleOf, type ReadParts, type ReadSteps } from './read-steps.ts';
import { broughtWithin } from './refresh.ts';

type ReadMany<Id, Value> = (
  asked: ReadonlyMap<string, Id>,
  options: ReadOptions<Id, Value> | undefined,
) => Promise<Map<string, Settled<Value>>>;

/** Reads many keys: one question for what is there, one load for what is not, and each has its own result. */
export function createReadMany<Id, Value>(
  { name }: CacheDef<string, Id, Value>,
  { store, judge, settings, reader, clock, memory, patience }: ReadParts,
  { missed, hit, refresh, fresh, storeFailed, valueIn, inTime, fallback }: ReadSteps<Id, Value>,
  misses: Misses,
): ReadMany<Id, Value> {
  const { softMs } = settings;
  type Options = ReadOptions<Id, Value> | undefined;

  /** Of one of many. */
  const settle = async (
    id: Id,
    brought: PromiseSettledResult<Form | undefined>,
    options: Options,
  ): Promise<Settled<Value>> => {
    if (brought.status === 'fulfilled') return settledAs(await valueIn(brought.value));
    try {
      return settledAs(fallback(id, brought.reason, options?.fallback));
    } catch (error) {
      return { state: 'error', error };
    }
  };

  return async (asked, options) => {
    const caller = options?.caller;
    const maxStaleMs = maxStaleOf(options);
    const keys = [...asked.keys()];
    let entries: readonly (Buffer | undefined)[] = [];
    let judged: readonly (Judgement | undefined)[] = [];
    let isStoreAway = false;
    const stamp = memory?.stamp() ?? 0;
    const askedAt = clock.elapsed();
    try {
      entries = await store.getMany(name, keys);
      const judging = judge.many(entries);
      judged = await (settings.isTagged ? patience(judging, askedAt) : judging);
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
      if (
        past &&
        found &&
        typeof found === 'string' &&
        isUsable(past, found as Judgement, maxStaleMs, clock)
      ) {
        const opened = openEntry(reader, past);
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
        wants.push({ key, id, past: past && pastOf(past), askedAt });
      }
    }
    // All are awaited before any failure is told, so that what did load is stored when the caller hears of it.
    const [loaded, brought] = await Promise.all([
      Promise.allSettled(misses.read(wants, { isStoreAway }).map(inTime)),
      refreshes.length === 0 ? nothing : broughtWithin(refreshes, (signal) => clock.sleep(softMs, signal)),
    ]);
    for (const [i, each] of loaded.entries()) {
      const { key } = wants[i]!;
      settled.set(key, await settle(wants[i]!.id as Id, each, options));
    }
    for (const [key, form] of brought) settled.set(key, settledAs(await valueIn(form)));
    return settled;
  };
}

const absent = { state: 'missing' } as const;
const nothing: ReadonlyMap<string, Form | undefined> = new Map();
