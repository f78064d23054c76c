import { dayMs } from '../duration.ts';
import { longestKeyBytes } from '../key.ts';
import type { Fill } from '../rooms.ts';
import { type AccessMessage, bucketOf, type CacheMessage, oldestAt } from './bucket.ts';

/** What travels: short names, because the log's memory is bounded. */
interface Wire {
  readonly v: 1;
  readonly b: number;
  readonly x: number;
  readonly c: readonly (readonly [
    cache: string,
    counts: CacheMessage['counts'],
    callers: CacheMessage['callers'],
    used: CacheMessage['used'],
    fills: readonly (readonly [key: string, loadMs: number, bytes: number, tags: readonly string[]])[],
  ])[];
}

export type ReadMessage = Omit<AccessMessage, 'from' | 'seq'>;

export function encodeMessage(message: AccessMessage): string {
  const wire: Wire = {
    v: 1,
    b: message.bucket,
    x: message.dropped,
    c: message.caches.map((part) => [
      part.cache,
      part.counts,
      part.callers,
      part.used,
      part.fills.map(({ key, loadMs, bytes, tags }) => [key, loadMs, bytes, tags]),
    ]),
  };
  return JSON.stringify(wire);
}

/** Undefined when the text is not a message of a version known here. What the database could not hold is left out. */
export function decodeMessage(text: string): ReadMessage | undefined {
  try {
    const { v, b, x, c } = JSON.parse(text) as Wire;
    if (v !== 1 || !isCount(b) || b < bucketOf(oldestAt) || !isCount(x)) return undefined;
    return { bucket: b, dropped: x, caches: c.map(readCache) };
  } catch {
    return undefined;
  }
}

function readCache([cache, counts, callers, used, fills]: Wire['c'][number]): CacheMessage {
  if (!/^[a-z][a-z0-9_-]{0,62}$/i.test(cache)) throw new Error('not the name of a cache');
  return {
    cache,
    counts: counts.flatMap(([text, accesses, misses]) => {
      const key = storableKey(text);
      return key !== undefined && isCount(accesses) && isCount(misses) ? [[key, accesses, misses]] : [];
    }),
    callers: callers.flatMap(([text, accesses, misses]) => {
      const caller = storableKey(text)?.slice(0, 64);
      return caller !== undefined && isCount(accesses) && isCount(misses) ? [[caller, accesses, misses]] : [];
    }),
    used: used.filter(([plan, row]) => isCount(plan) && isCount(row)),
    fills: fills.flatMap(([text, loadMs, bytes, tags]) => {
      const key = storableKey(text);
      if (key === undefined || !Number.isFinite(loadMs) || !isCount(bytes)) return [];
      return [
        {
          cache,
          key,
          loadMs: Math.min(dayMs, Math.max(0, loadMs)),
          bytes,
          tags: storableTags(tags),
        } satisfies Fill,
      ];
    }),
  };
}

/** Longer tags would not fit an index entry. */
const longestTag = 500;

const storableTags = (tags: readonly string[]): string[] => [
  ...new Set(tags.flatMap((text) => storableKey(text) ?? []).filter((tag) => tag.length <= longestTag)),
];

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;

/** The text as Postgres can hold it, half characters replaced; undefined for one that it cannot. */
export function storableKey(text: string): string | undefined {
  if (typeof text !== 'string' || text === '' || text.includes('\0')) return undefined;
  const key = text.toWellFormed();
  return key.length > longestKeyBytes || Buffer.byteLength(key) > longestKeyBytes ? undefined : key;
}
