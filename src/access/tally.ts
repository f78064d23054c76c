import type { Events } from '../events.ts';
import type { Fill } from '../rooms.ts';
import type { AccessMessage, CacheMessage } from './bucket.ts';

interface KeyCounter {
  accesses: number;
  misses: number;
  plan: number;
  row: number;
}

interface CallerCounter {
  readonly isDemand: boolean;
  accesses: number;
  misses: number;
  toldAccesses: number;
  toldMisses: number;
}

/** What was counted for one cache and not sent yet. */
export interface CacheTally {
  readonly name: string;
  readonly keys: Map<string, KeyCounter>;
  readonly callers: Map<string, CallerCounter>;
  /** The counter of who reads when a read does not say. */
  readonly home: CallerCounter;
  used: [plan: number, row: number][];
  readonly fills: Map<string, Fill>;
}

/** What was counted in one hour and not sent yet. */
export interface Tally {
  readonly bucket: number;
  readonly caches: Map<string, CacheTally>;
}

export interface CallerRules {
  readonly demand: ReadonlySet<string>;
  readonly caller: string;
}

/** Callers are words of the application's; one that puts user names there must not fill the memory. */
const mostCallers = 32;
export const otherCaller = 'other';

/** Bounds of one message: entries, and characters of keys. */
const mostEntries = 2_000;
const mostChars = 128 * 1024;

export const createTally = (bucket: number): Tally => ({ bucket, caches: new Map() });

export function openCache(tally: Tally, name: string, rules: CallerRules): CacheTally {
  const home = callerCounter(rules, rules.caller);
  const cache: CacheTally = {
    name,
    keys: new Map(),
    callers: new Map([[rules.caller, home]]),
    home,
    used: [],
    fills: new Map(),
  };
  tally.caches.set(name, cache);
  return cache;
}

export function addCaller(cache: CacheTally, caller: string, rules: CallerRules): CallerCounter {
  const isFull = cache.callers.size >= mostCallers && !rules.demand.has(caller);
  const name = isFull ? otherCaller : caller;
  const known = cache.callers.get(name);
  if (known !== undefined) return known;
  const counter = callerCounter(rules, name);
  cache.callers.set(name, counter);
  return counter;
}

const callerCounter = (rules: CallerRules, caller: string): CallerCounter => ({
  isDemand: rules.demand.has(caller),
  accesses: 0,
  misses: 0,
  toldAccesses: 0,
  toldMisses: 0,
});

export function addKey(cache: CacheTally, key: string): KeyCounter {
  const counter = { accesses: 0, misses: 0, plan: 0, row: 0 };
  cache.keys.set(key, counter);
  return counter;
}

/** Keeps the newest fill of a key; true when it is the first. */
export function addFill(cache: CacheTally, fill: Fill): boolean {
  const { size } = cache.fills;
  cache.fills.set(fill.key, fill);
  return cache.fills.size > size;
}

/** What has been counted since the last time this was asked. */
export function untold(tally: Tally): Events['access:flushed'][] {
  const events: Events['access:flushed'][] = [];
  for (const cache of tally.caches.values()) {
    for (const [caller, counter] of cache.callers) {
      const accesses = counter.accesses - counter.toldAccesses;
      if (accesses === 0) continue;
      events.push({ cache: cache.name, caller, accesses, misses: counter.misses - counter.toldMisses });
      counter.toldAccesses = counter.accesses;
      counter.toldMisses = counter.misses;
    }
  }
  return events;
}

/** Takes as much out of the tally as one message may carry; undefined when the tally holds nothing. */
export function take(
  tally: Tally,
  head: Pick<AccessMessage, 'from' | 'seq' | 'dropped'>,
): AccessMessage | undefined {
  const room = { entries: mostEntries, chars: mostChars };
  const caches: CacheMessage[] = [];
  for (const cache of tally.caches.values()) {
    const part = takeCache(cache, room);
    if (part.counts.length + part.callers.length + part.used.length + part.fills.length > 0)
      caches.push(part);
    if (room.entries <= 0 || room.chars <= 0) break;
  }
  if (caches.length === 0 && head.dropped === 0) return undefined;
  return { ...head, bucket: tally.bucket, caches };
}

function takeCache(cache: CacheTally, room: { entries: number; chars: number }): CacheMessage {
  const counts: [string, number, number][] = [];
  const callers: [string, number, number][] = [];
  const used: [number, number][] = cache.used;
  const fills: Fill[] = [];
  const isFull = () => room.entries <= 0 || room.chars <= 0;
  const spend = (chars: number) => {
    room.entries -= 1;
    room.chars -= chars;
  };

  cache.used = [];
  for (const [caller, counter] of cache.callers) {
    if (counter.accesses === 0) continue;
    callers.push([caller, counter.accesses, counter.misses]);
    Object.assign(counter, { accesses: 0, misses: 0, toldAccesses: 0, toldMisses: 0 });
  }
  for (const [key, counter] of cache.keys) {
    if (isFull()) break;
    counts.push([key, counter.accesses, counter.misses]);
    if (counter.plan !== 0) used.push([counter.plan, counter.row]);
    cache.keys.delete(key);
    spend(key.length);
  }
  for (const [key, fill] of cache.fills) {
    if (isFull()) break;
    fills.push(fill);
    cache.fills.delete(key);
    spend(key.length + fill.tags.join().length);
  }
  return { cache: cache.name, counts, callers, used, fills };
}
