import type { CacheDef } from '../define.ts';
import { durationMs } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import type { ReadOptions, Settled } from '../facade.ts';
import { isHashed } from '../key.ts';
import { isWithinLoad } from '../origin/within.ts';
import type { Form } from '../store/codec.ts';
import { isNegative, planOf, rowOf } from '../store/entry.ts';
import type { Asked } from '../store/store.ts';
import type { Counts } from './counts.ts';
import { isDueEarly } from './early.ts';
import { createFallback } from './fallback.ts';
import type { Flight } from './flight.ts';
import { type Found, isUsable, openEntry } from './found.ts';
import { settledAs } from './front.ts';
import type { Judgement } from './judge.ts';
import type { Want } from './landing.ts';
import type { Memory } from './memory.ts';
import { createMisses, type MissParts, pastOf } from './miss.ts';
import { broughtWithin, createRefresher } from './refresh.ts';
import { follow, type Share, tellFollowers } from './share.ts';
import { createSlide } from './slide.ts';
import { createTogether } from './together.ts';

export interface ReadParts extends MissParts {
  readonly counts: Counts;
  /** @default nothing is kept in this process */
  readonly memory?: Memory | undefined;
  /** From 0 up to 1. */
  chance(): number;
}

/** Reads by key: of what is in Redis, else of what a load brings; each is counted. */
export interface Reads<Id, Value> {
  one(key: string, id: Id, options: ReadOptions<Id, Value> | undefined): Promise<Value | undefined>;
  /** By key, in the order they were asked. */
  many(
    asked: ReadonlyMap<string, Id>,
    options: ReadOptions<Id, Value> | undefined,
  ): Promise<Map<string, Settled<Value>>>;
  /** What is on its way for these keys is no longer theirs. */
  drop(keys: readonly string[]): void;
  settled(): Promise<void>;
}

export function createReads<Id, Value>(def: CacheDef<string, Id, Value>, parts: ReadParts): Reads<Id, Value> {
  const { store, judge, events, recorder, settings, reader, clock, counts, rates, pulse, chance, memory } =
    parts;
  const { patience } = parts;
  const { name } = def;
  const { earlyRefresh: beta, softMs } = settings;
  type Options = ReadOptions<Id, Value> | undefined;
  const misses = createMisses(parts);
  const missOne = createTogether(misses, clock, settings.gatherMs);
  const refresher = createRefresher(parts);
  const slide = createSlide(name, settings, parts);
  const fallback = createFallback(def, events);
  const tellHashed = once(() => events.emit('key:hashed', { cache: name }));

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

  const loadedValue = async (
    id: Id,
    form: Promise<Form | undefined>,
    options: Options,
  ): Promise<Value | undefined> => {
    try {
      return await valueIn(await inTime(form));
    } catch (error) {
      return fallback(id, error, options?.fallback);
    }
  };

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

  const many: Reads<Id, Value>['many'] = async (asked, options) => {
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

  /** One read that waits for the store's answer. */
  interface Reading {
    readonly key: string;
    readonly id: Id;
    readonly options: Options;
    /** Undefined = however stale. */
    readonly maxStaleMs: number | undefined;
    readonly share: Share<Value> | undefined;
    readonly stamp: number;
    readonly askedAt: number;
  }

  const load = async (
    { key, id, options, share, askedAt }: Reading,
    bytes: Buffer | undefined,
    found: Found | undefined,
    isStoreAway: boolean,
  ): Promise<Value | undefined> => {
    missed(key, options?.caller, found);
    const form = missOne({ key, id, past: bytes && pastOf(bytes), askedAt }, isStoreAway);
    const value = await loadedValue(id, form, options);
    if (share?.following) tellFollowers(share, value, (by) => missed(key, by));
    return value;
  };

  /** The value that was found; a stale one gives way to a newer one that comes in time. */
  const give = (
    { key, id, options, share, stamp }: Reading,
    bytes: Buffer,
    judged: Judgement,
    value: Value | undefined,
  ): Value | undefined | Promise<Value | undefined> => {
    hit(key, options?.caller, bytes, judged);
    const told = (given: Value | undefined): Value | undefined => {
      if (share?.following) tellFollowers(share, given, (by) => hit(key, by, bytes, judged));
      return given;
    };
    if (judged === 'alive') {
      fresh(key, id, bytes);
      memory?.keep(key, stamp, bytes, value);
      return told(value);
    }
    const flight = refresh(key, id, bytes);
    if (flight === undefined) return told(value);
    return broughtWithin([flight], (signal) => clock.sleep(softMs, signal)).then(async (brought) =>
      told(brought.has(key) ? await valueIn(brought.get(key)) : value),
    );
  };

  const open = (
    reading: Reading,
    bytes: Buffer,
    judged: Judgement,
  ): Value | undefined | Promise<Value | undefined> => {
    if (!isUsable(bytes, judged, reading.maxStaleMs, clock)) return load(reading, bytes, judged, false);
    const use = (found: Found) =>
      typeof found === 'object'
        ? give(reading, bytes, judged, found.value as Value | undefined)
        : load(reading, bytes, found, false);
    const opened = openEntry(reader, bytes);
    return opened instanceof Promise ? opened.then(use) : use(opened);
  };

  const failed = (reading: Reading, error: unknown, bytes?: Buffer): Promise<Value | undefined> => {
    storeFailed(error);
    return load(reading, bytes, undefined, true);
  };

  /** What becomes of a read when the store has answered: at once where it can be. */
  const answered = (
    reading: Reading,
    bytes: Buffer | undefined,
  ): Value | undefined | Promise<Value | undefined> => {
    if (bytes === undefined) return load(reading, undefined, undefined, false);
    const judging = judge.one(bytes);
    if (typeof judging === 'string') return open(reading, bytes, judging);
    return patience(judging, reading.askedAt).then(
      (judged) => open(reading, bytes, judged),
      (error: unknown) => failed(reading, error, bytes),
    );
  };

  // No async function: that makes more objects, and this is what all readers do most.
  const read = (
    { found, place }: Asked,
    { key, id, options, maxStaleMs, share }: Omit<Reading, 'stamp' | 'askedAt'>,
  ): Promise<Value | undefined> => {
    const stamp = memory?.stamp() ?? 0;
    const reading: Reading = { key, id, options, maxStaleMs, share, stamp, askedAt: clock.elapsed() };
    return found.then(
      (all) => answered(reading, all[place]),
      (error: unknown) => failed(reading, error),
    );
  };

  const alone: Reads<Id, Value>['one'] = async (key, id, options) => {
    const maxStaleMs = maxStaleOf(options);
    return read(store.get(name, key), { key, id, options, maxStaleMs, share: undefined });
  };

  const one: Reads<Id, Value>['one'] = (key, id, options) => {
    // A loader that waited for a load which waits for it would wait for ever.
    if (isOwn(options) || isWithinLoad()) return alone(key, id, options);
    const asked = store.get(name, key);
    const known = asked.share as Share<Value> | undefined;
    if (known !== undefined) return follow(known, alone, key, id, options);
    // Apart from what is found, which is that of many others, too: a load that takes long would hold on to it.
    const share: Share<Value> = { answer: undefined, following: undefined };
    asked.share = share;
    share.answer = read(asked, { key, id, options, maxStaleMs: undefined, share });
    return share.answer;
  };

  return {
    one,
    many,
    drop(keys) {
      misses.drop(keys);
      refresher.drop(keys);
      memory?.drop(keys);
    },
    async settled() {
      await Promise.all([misses.settled(), refresher.settled(), slide?.settled()]);
    },
  };
}

const absent = { state: 'missing' } as const;
const nothing: ReadonlyMap<string, Form | undefined> = new Map();

/** How stale is too stale, and what is given instead of a failure, is each reader's own. */
const isOwn = (options: ReadOptions | undefined): boolean =>
  options !== undefined && (options.maxStale !== undefined || options.fallback !== undefined);

const maxStaleOf = (options: ReadOptions | undefined): number | undefined =>
  options?.maxStale === undefined ? undefined : durationMs(options.maxStale, 'maxStale');

function once(task: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    task();
  };
}
