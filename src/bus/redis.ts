import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock, Timer } from '../clock.ts';
import type { Bus, BusListener, BusMessage, BusNews } from './bus.ts';
import { byCache, readMessage, writeMessage } from './wire.ts';

export interface RedisBusOptions {
  /** First part of every key. */
  readonly prefix: string;
  readonly clock: Clock;
  /** Opens a connection that speaks RESP2 and neither subscribes nor sends again by itself. */
  readonly openSubscriber: () => Redis;
  /** Caches of whose entries the server is to tell every change, whoever made it. @default none */
  readonly tracked?: readonly string[];
  /** Told why the server will not do so; then nothing is trusted. */
  readonly onRefused?: (error: unknown) => void;
}

const beatMs = 1_000;
/** How long after a beat was sent that came back memory is trusted: at most so stale is what a deaf process shows. */
const trustMs = 3_000;
/** What a server that forgets keys on its own account tells about it, to connections that speak RESP2. */
const invalidations = '__redis__:invalidate';
/** Most keys in one message. */
const mostKeys = 500;

/**
 * One channel of Redis' pub/sub per prefix and logical database. Its words may be lost with the connection, so every
 * loss is told; beats on the same connection prove that all that was said before them has arrived.
 */
export function createRedisBus(redis: Redis, options: RedisBusOptions): Bus {
  const { prefix, clock } = options;
  // Pub/sub knows no logical databases.
  const channel = `${prefix}:bus@${redis.options.db ?? 0}`;
  const origin = randomBytes(9).toString('base64url');
  // With tracking on, a server tells that it was flushed, whatever is tracked; nothing is called the first.
  const prefixes = [`${prefix}:none:`, ...(options.tracked ?? []).map((cache) => `${prefix}:{${cache}#`)];
  const listeners = new Set<BusListener>();
  let subscriber: Redis | undefined;
  let timer: Timer | undefined;
  let isUp = false;
  let trustedUntil = Number.NEGATIVE_INFINITY;
  let beatAt: number | undefined;

  const tell = (news: BusNews): void => {
    for (const listener of listeners) listener(news);
  };

  const lose = (): void => {
    beatAt = undefined;
    trustedUntil = Number.NEGATIVE_INFINITY;
    if (!isUp) return;
    isUp = false;
    tell({ kind: 'lost' });
  };

  const beat = async (on: Redis): Promise<void> => {
    const sentAt = clock.elapsed();
    beatAt = sentAt;
    await on.ping();
    if (beatAt !== sentAt) return;
    beatAt = undefined;
    trustedUntil = sentAt + trustMs;
  };

  const track = async (on: Redis, id: number): Promise<void> => {
    const wanted = prefixes.flatMap((each) => ['PREFIX', each]);
    try {
      await on.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id), 'BCAST', ...wanted);
    } catch (error) {
      // Not allowed, or a proxy between: then a flush by hand is noticed when entries end.
      if (prefixes.length === 1) return;
      if (isRefusal(error)) options.onRefused?.(error);
      throw error;
    }
  };

  const join = async (on: Redis): Promise<void> => {
    beatAt = clock.elapsed();
    try {
      const id = await on.client('ID');
      await track(on, id);
      await on.subscribe(channel, invalidations);
      await beat(on);
    } catch {
      return; // the connection broke again: it is told by its end, and tried again
    }
    isUp = true;
    tell({ kind: 'up' });
  };

  const hear = (from: Buffer, said: Buffer | Buffer[] | null): void => {
    if (from.toString() === channel) {
      for (const message of readMessage(String(said), prefix, origin)) tell(message);
    } else if (Array.isArray(said)) {
      for (const [cache, keys] of byCache(said.map(String), prefix)) tell({ kind: 'changed', cache, keys });
    } else {
      tell({ kind: 'clear', cache: undefined, isOwn: false });
    }
  };

  const watch = (on: Redis): void => {
    // A connection that answers nothing is deaf although it looks open.
    if (beatAt !== undefined && clock.elapsed() - beatAt >= trustMs) on.disconnect(true);
    else if (isUp && beatAt === undefined) beat(on).catch(() => {}); // its end is told by `close`
  };

  const waiting = new Map<string, { readonly kind: BusMessage['kind']; cache: string; keys: string[] }>();
  const send = (text: string): void => {
    // Who cannot be told now has lost its own connection, too, and trusts nothing.
    redis.publish(channel, text).catch(() => {});
  };
  const flush = (): void => {
    for (const { kind, cache, keys } of waiting.values()) {
      for (let from = 0; from < keys.length; from += mostKeys)
        send(
          writeMessage({ kind: kind as 'written', cache, keys: keys.slice(from, from + mostKeys) }, origin),
        );
    }
    waiting.clear();
  };

  return {
    channel,
    origin,
    get isUp() {
      return isUp;
    },
    get trustedUntil() {
      return trustedUntil;
    },
    open() {
      if (subscriber !== undefined) return;
      const on = options.openSubscriber();
      subscriber = on;
      on.on('ready', () => void join(on));
      on.on('close', lose);
      on.on('messageBuffer', hear as never);
      on.connect().catch(() => {}); // told to its error listener, and tried again
      timer = clock.every(beatMs, () => watch(on));
    },
    publish(message) {
      if (!('keys' in message)) return send(writeMessage(message, origin));
      const name = `${message.kind} ${message.cache}`;
      const some = waiting.get(name);
      if (some !== undefined) some.keys.push(...message.keys);
      else waiting.set(name, { kind: message.kind, cache: message.cache, keys: [...message.keys] });
      if (some === undefined && waiting.size === 1) process.nextTick(flush);
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      timer?.stop();
      subscriber?.disconnect();
      lose();
      listeners.clear();
    },
  };
}

/** An answer of the server, not the end of the connection. */
const isRefusal = (error: unknown): boolean => error instanceof Error && error.name === 'ReplyError';
