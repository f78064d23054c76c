import { createBreaker } from '../breaker.ts';
import type { Clock } from '../clock.ts';
import type { Watch } from '../connect.ts';
import { isSamovarError, SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { Store } from '../store/store.ts';
import type { Tags } from '../tags/tags.ts';
import { createKept, type KeptOptions } from './kept.ts';
import { type Guard, guardStore } from './store.ts';
import { guardTags } from './tags.ts';

/** What stands between the caches and a server that may be away. */
export interface Outage {
  readonly store: Store;
  readonly tags: Tags;
  /** Those behind it: they wait for the server, and fail where the others keep an invalidation. */
  readonly bare: { readonly store: Store; readonly tags: Tags };
  /** The server is not asked, but for a probe now and then. */
  readonly isAway: boolean;
  /** Invalidations that wait for the server. */
  readonly waiting: number;
  /** The server may be back: asked at once instead of when its time has come. */
  wake(): void;
  /** Tries once more to carry out what is kept; answers how many invalidations are left behind. */
  stop(): Promise<number>;
}

export interface OutageOptions extends KeptOptions {
  /** Opens what may be away; it tells how each command ended. */
  open(watch: Watch): { readonly store: Store; readonly tags: Tags };
  /** Gives the connection up for a new one. */
  reconnect(): void;
  readonly clock: Clock;
  readonly events: Emitter;
}

const firstPauseMs = 50;
const longestPauseMs = 1_000;
/** After so many probes in vain the connection itself is doubted: replies may have been lost on it. */
const mostProbes = 5;
/** Keys of one cache in one go. */
const mostKeys = 1_000;

export function createOutage(options: OutageOptions): Outage {
  const { clock, events } = options;
  const kept = createKept(options);
  const breaker = createBreaker(clock, (isAway) => {
    events.emit('store:changed', { role: 'cache', isAway });
    if (isAway) recover();
  });
  const { store, tags } = options.open(breaker);
  const stopped = new AbortController();
  let recovering: Promise<void> | undefined;
  let sleep = new AbortController();

  /** Carries out everything that is kept; without anything, asks the server to write as an invalidation does. */
  const replay = async (): Promise<void> => {
    if (kept.size === 0) return store.delete('', ['probe']);
    const intents = kept.all();
    for (const cache of intents.caches) await store.clear(cache);
    if (intents.tags.length > 0) await tags.invalidate(intents.tags);
    let keys = 0;
    for (const [cache, some] of intents.keys) {
      keys += some.length;
      for (let from = 0; from < some.length; from += mostKeys)
        await store.delete(cache, some.slice(from, from + mostKeys));
    }
    kept.done(intents);
    events.emit('invalidation:replayed', { keys, tags: intents.tags.length, caches: intents.caches.length });
  };

  const tryOnce = async (): Promise<boolean> => {
    try {
      do await replay();
      while (kept.size > 0);
    } catch (error) {
      if (!isSamovarError(error)) throw error;
      return false;
    }
    // Nothing can have been kept since: there was no wait in between.
    breaker.close();
    return true;
  };

  const untilBack = async (): Promise<void> => {
    let pauseMs = firstPauseMs;
    for (let probes = 1; !stopped.signal.aborted; probes++) {
      sleep = new AbortController();
      await clock.sleep(pauseMs, sleep.signal);
      if (stopped.signal.aborted || (await tryOnce())) return;
      if (probes % mostProbes === 0 && breaker.isOpen) options.reconnect();
      pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
    }
  };

  const recover = (): void => {
    if (stopped.signal.aborted) return;
    recovering ??= untilBack().finally(() => {
      recovering = undefined;
    });
  };

  const guard: Guard = {
    breaker,
    kept,
    away: new SamovarError(
      'E_STORE_UNAVAILABLE',
      'the cache Redis does not answer; it is asked in the background',
      {
        hints: ['see that it runs and is reachable: samovar doctor'],
      },
    ),
    async orKeep(what, carryOut, keep) {
      if (!breaker.isOpen) {
        try {
          return void (await carryOut());
        } catch (error) {
          if (!isSamovarError(error)) throw error;
        }
      }
      keep();
      events.emit('invalidation:kept', { ...what, waiting: kept.size });
      recover();
    },
  };

  return {
    store: guardStore(store, guard),
    tags: guardTags(tags, guard),
    bare: { store, tags },
    get isAway() {
      return breaker.isOpen;
    },
    get waiting() {
      return kept.size;
    },
    wake: () => sleep.abort(),
    async stop() {
      stopped.abort();
      sleep.abort();
      await recovering;
      if (kept.size > 0) await tryOnce();
      return kept.size;
    },
  };
}
