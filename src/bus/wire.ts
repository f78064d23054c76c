import type { BusMessage } from './bus.ts';

/** A message as it travels: `o` who says it, `k` its kind, `e` names of entries in Redis, `c` a cache, `n` keys, `t` tags. */
interface Wire {
  readonly o?: unknown;
  readonly k?: unknown;
  readonly e?: unknown;
  readonly c?: unknown;
  readonly n?: unknown;
  readonly t?: unknown;
}

const kinds = ['written', 'deleted', 'failed'] as const;

/** What is not understood may have been anything. */
const unknown: readonly BusMessage[] = [{ kind: 'clear', cache: undefined, isOwn: false }];

/** Reads one message; names of entries of several caches become several. */
export function readMessage(text: string, prefix: string, origin: string): readonly BusMessage[] {
  let wire: Wire;
  try {
    wire = JSON.parse(text) as Wire;
  } catch {
    return unknown;
  }
  if (wire === null || typeof wire !== 'object') return unknown;
  const isOwn = wire.o === origin;
  if (wire.k === 'tags' && areTexts(wire.t)) return [{ kind: 'tags', tags: wire.t, isOwn }];
  if (wire.k === 'clear') return [{ kind: 'clear', cache: isText(wire.c) ? wire.c : undefined, isOwn }];
  const kind = kinds.find((each) => each === wire.k);
  if (kind === undefined) return unknown;
  if (isText(wire.c) && areTexts(wire.n)) return [{ kind, cache: wire.c, keys: wire.n, isOwn }];
  if (!areTexts(wire.e)) return unknown;
  return byCache(wire.e, prefix).map(([cache, keys]) => ({ kind, cache, keys, isOwn }));
}

/** Keys by cache out of the names of entries; names of anything else are left out. */
export function byCache(entries: readonly string[], prefix: string): [cache: string, keys: string[]][] {
  const found = new Map<string, string[]>();
  const head = `${prefix}:{`;
  for (const entry of entries) {
    const cacheEnd = entry.indexOf('#', head.length);
    const keyAt = entry.indexOf('}:e:', cacheEnd);
    if (!entry.startsWith(head) || cacheEnd < 0 || keyAt < 0) continue;
    const cache = entry.slice(head.length, cacheEnd);
    const keys = found.get(cache);
    const key = entry.slice(keyAt + 4);
    if (keys === undefined) found.set(cache, [key]);
    else keys.push(key);
  }
  return [...found];
}

type Sent<Message> = Message extends unknown ? Omit<Message, 'isOwn'> : never;

export function writeMessage(message: Sent<BusMessage>, origin: string): string {
  const { kind } = message;
  if (kind === 'tags') return JSON.stringify({ o: origin, k: kind, t: message.tags });
  if (kind === 'clear') return JSON.stringify({ o: origin, k: kind, c: message.cache });
  return JSON.stringify({ o: origin, k: kind, c: message.cache, n: message.keys });
}

const isText = (value: unknown): value is string => typeof value === 'string';
const areTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
