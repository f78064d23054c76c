import { type Clock, nextTurn } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Emitter } from '../events.ts';
import { filledAtOf, freshUntilOf } from '../store/entry.ts';
import type { Store, Touch } from '../store/store.ts';
import { jittered } from '../store/ttl.ts';
import { pastOf } from './miss.ts';
import type { CacheSettings } from './options.ts';

/** Moves the end of an entry's freshness on when it is read, at most once in half of its ttl. */
export interface Slide {
  read(key: string, entry: Buffer): void;
  settled(): Promise<void>;
}

export function createSlide(
  cache: string,
  { ttl, jitter, graceMs }: CacheSettings,
  { store, clock, events }: { readonly store: Store; readonly clock: Clock; readonly events: Emitter },
): Slide | undefined {
  const { slideMs, longestMs } = ttl;
  if (slideMs === undefined) return undefined;
  let touches: Map<string, Touch> | undefined;
  const running = new Set<Promise<void>>();

  const flush = async (): Promise<void> => {
    await nextTurn();
    const all = [...touches!.values()];
    touches = undefined;
    try {
      await store.touch(cache, all);
    } catch (error) {
      events.emit('store:failed', { role: 'cache', message: messageOf(error) });
    }
  };

  return {
    read(key, entry) {
      const now = clock.now();
      const length = jittered(slideMs, jitter, key);
      const until = Math.min(now + length, filledAtOf(entry) + longestMs);
      if (until - freshUntilOf(entry) < length / 2) return;
      if (touches === undefined) {
        touches = new Map();
        const task = flush().finally(() => running.delete(task));
        running.add(task);
      }
      touches.set(key, {
        key,
        past: Buffer.from(pastOf(entry)),
        at: now,
        ttlMs: Math.floor(until - now),
        graceMs,
      });
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
