import { LRUCache } from 'lru-cache';
import type { Bus, BusNews } from '../bus/bus.ts';
import { type Clock, nextTurn } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import { durationMs } from '../duration.ts';
import type { Recorder } from '../rooms.ts';
import { filledAtOf, freshUntilOf, isNegative, loadMsOf, tagsOf } from '../store/entry.ts';
import { type CopyPlan, copy, freeze, measure } from './copy.ts';
import type { CacheSettings } from './options.ts';
import type { Rates } from './rates.ts';

export interface MemorySettings {
  readonly maxBytes: number;
  /** Longest a value is answered from memory. */
  readonly ttlMs: number;
  /** How many times as long as its load took a value is not kept before its freshness ends. */
  readonly earlyLoads: number;
  /** Readers are given the same, frozen value. */
  readonly isShared: boolean;
}

/** Undefined where a cache keeps nothing in memory. */
export function memorySettingsOf(
  { name, memory }: AnyCacheDef,
  { ttl: { slideMs = Number.POSITIVE_INFINITY }, earlyRefresh }: CacheSettings,
): MemorySettings | undefined {
  if (memory === undefined) return undefined;
  const { maxBytes, ttl, share = false } = memory;
  const ttlMs = ttl === undefined ? Number.POSITIVE_INFINITY : durationMs(ttl, `caches.${name}.memory.ttl`);
  return {
    maxBytes,
    // Some reads must get through, or nothing would move an entry's end on, or refresh it shortly before.
    ttlMs: Math.min(ttlMs, slideMs / 4),
    earlyLoads: 5 * earlyRefresh,
    isShared: share,
  };
}

export interface MemoryParts {
  readonly cache: string;
  readonly settings: MemorySettings;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly rates?: Rates | undefined;
}

/** The values of one cache that this process read lately: never fresher than Redis has them, never trusted unheard. */
export interface Memory {
  /** At once, and counted; undefined when it has to be asked for. */
  find(key: string, caller: string | undefined): Promise<unknown> | undefined;
  /** The same, its value at once. */
  take(key: string, caller: string | undefined): { readonly value: unknown } | undefined;
  /** To be noted before Redis is asked: what is invalidated from then on is not kept. */
  stamp(): number;
  /** Keeps what Redis answered; returns what the reader is to be given. */
  keep(key: string, stamp: number, bytes: Buffer, value: unknown): unknown;
  drop(keys: readonly string[]): void;
  dropTags(tags: readonly string[]): void;
  clear(): void;
  /** What was found since the last time this was asked, for statistics. */
  readonly hits: number;
  readonly size: { readonly entries: number; readonly bytes: number };
  close(): void;
}

interface Held {
  readonly key: string;
  value: unknown;
  readonly plan: CopyPlan | undefined;
  /** The same for every reader, where they may share it. */
  answer: Promise<unknown> | undefined;
  /** The clock's `elapsed`. */
  readonly until: number;
  readonly tags: readonly string[];
  /** Reads not told to the recorder yet. */
  hits: number;
}

/** Reads between two looks at the clock, within one turn of the event loop. */
const readsPerLook = 32;
/** Most entries whose reads wait to be told. */
const mostTouched = 50_000;
/** Most keys of which it is remembered that they were invalidated; beyond, all are taken to be. */
const mostInvalidated = 10_000;
/** What an entry takes beside its value. */
const entryBytes = 256;

export function createMemory({ cache, settings, bus, clock, recorder, rates }: MemoryParts): Memory {
  const { maxBytes, ttlMs, earlyLoads, isShared } = settings;
  const byTag = new Map<string, Set<Held>>();
  let stamp = 0;
  /** Nothing asked for before this is kept. */
  let floor = 0;
  const invalidated = new Map<string, number>();
  let touched: Held[] = [];
  let hits = 0;

  const entries = new LRUCache<string, Held>({
    maxSize: maxBytes,
    dispose(held) {
      for (const tag of held.tags) {
        const those = byTag.get(tag);
        those?.delete(held);
        if (those?.size === 0) byTag.delete(tag);
      }
      // Its reads may still have to be told; its value is not kept for that.
      held.value = undefined;
      held.answer = undefined;
    },
  });

  const tell = (): void => {
    const some = touched;
    touched = [];
    for (const held of some) {
      recorder.hit(cache, held.key, undefined, 0, 0, held.hits);
      rates?.read(held.key, held.hits);
      hits += held.hits;
      held.hits = 0;
    }
  };
  const untell = recorder.beforeFlush(tell);

  const clear = (): void => {
    stamp += 1;
    floor = stamp;
    invalidated.clear();
    entries.clear();
  };

  const drop = (keys: readonly string[]): void => {
    stamp += 1;
    if (invalidated.size + keys.length > mostInvalidated) {
      floor = stamp;
      invalidated.clear();
    }
    for (const key of keys) {
      if (floor < stamp) invalidated.set(key, stamp);
      entries.delete(key);
    }
  };

  const dropTags = (tags: readonly string[]): void => {
    stamp += 1;
    // The tags of what is on its way are not known yet.
    floor = stamp;
    for (const tag of tags) for (const held of [...(byTag.get(tag) ?? [])]) entries.delete(held.key);
  };

  const hear = (news: BusNews): void => {
    if (news.kind === 'up' || news.kind === 'lost') clear();
    else if (news.kind === 'clear') {
      if (news.cache === undefined || news.cache === cache) clear();
    } else if (news.kind === 'tags') dropTags(news.tags);
    else if (news.cache === cache && news.kind !== 'failed' && !(news.kind === 'written' && news.isOwn))
      drop(news.keys);
  };
  const deafen = bus.on(hear);

  // The clock is looked at once a turn of the event loop, and often enough within one that never ends.
  /** No value lives longer than this while what was heard is not to be trusted. */
  let now = Number.POSITIVE_INFINITY;
  let left = -1;
  const look = (): void => {
    const at = clock.elapsed();
    now = at < bus.trustedUntil ? at : Number.POSITIVE_INFINITY;
    if (left < 0) void nextTurn().then(forget);
    left = readsPerLook;
  };
  const forget = (): void => {
    left = -1;
  };

  const count = (held: Held, caller: string | undefined): void => {
    if (caller !== undefined) {
      held.hits -= 1;
      recorder.hit(cache, held.key, caller, 0, 0);
      rates?.read(held.key);
      hits += 1;
    } else if (touched.push(held) >= mostTouched) {
      tell();
    }
  };

  /** A value that may be answered, counted. */
  const hold = (key: string, caller: string | undefined): Held | undefined => {
    const held = entries.get(key);
    if (held === undefined) return undefined;
    if (left <= 0) look();
    left -= 1;
    if (held.until <= now) return undefined;
    held.hits += 1;
    if (held.hits === 1 || caller !== undefined) count(held, caller);
    return held;
  };

  return {
    find(key, caller) {
      const held = hold(key, caller);
      if (held === undefined) return undefined;
      return held.answer === undefined ? Promise.resolve(copy(held.value, held.plan)) : held.answer;
    },

    take(key, caller) {
      const held = hold(key, caller);
      return held && { value: copy(held.value, isShared ? undefined : held.plan) };
    },

    stamp() {
      if (!bus.isUp) bus.open();
      return stamp;
    },

    keep(key, asked, bytes, value) {
      if (asked < floor || !bus.isUp || (invalidated.get(key) ?? 0) > asked) return value;
      const [freshUntil, at] = [freshUntilOf(bytes), clock.now()];
      // By whose clock it was filled is not known: it is never kept for longer than it was to be fresh in all.
      const left = Math.min(freshUntil - at, freshUntil - filledAtOf(bytes));
      const ms = Math.min(ttlMs, left - earlyLoads * loadMsOf(bytes));
      const measured = measure(value);
      if (ms <= 0 || (measured === undefined && !isShared)) return value;
      const plan = measured?.plan;
      const isOne = isShared || plan === undefined;
      // Objects of the application's own making are its own to freeze.
      if (isShared && measured !== undefined) freeze(value);
      const own = isOne ? value : copy(value, plan);
      const held: Held = {
        key,
        value: own,
        plan,
        answer: isOne ? Promise.resolve(own) : undefined,
        until: clock.elapsed() + ms,
        tags: isNegative(bytes) ? [] : (tagsOf(bytes) ?? []),
        hits: 0,
      };
      entries.set(key, held, { size: entryBytes + key.length + (measured?.bytes ?? 2 * bytes.length) });
      // It may be larger than all that is kept.
      if (!entries.has(key)) return value;
      for (const tag of held.tags) {
        const those = byTag.get(tag);
        if (those === undefined) byTag.set(tag, new Set([held]));
        else those.add(held);
      }
      return value;
    },

    drop,
    dropTags,
    clear,
    get hits() {
      return touched.reduce((sum, held) => sum + held.hits, hits);
    },
    get size() {
      return { entries: entries.size, bytes: entries.calculatedSize };
    },
    close() {
      tell();
      untell();
      deafen();
      clear();
    },
  };
}
