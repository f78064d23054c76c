import { z } from 'zod';
import { defineJob, done, type Rewarmed, rewarm, snooze } from '../src/index.ts';

/** More keys than this belong in several jobs, or in `all`. */
const mostKeys = 10_000;

export const invalidate = defineJob('invalidate', {
  about: 'keys, tags or all of a cache → gone; with `rewarm` the hot ones → origin → store',
  reads: ['caches', 'forecasts', 'plans', 'store'],
  writes: ['cache', 'queue'],
  payload: z.strictObject({
    cache: z.string().optional(),
    keys: z.array(z.string()).max(mostKeys).optional(),
    tags: z.array(z.string()).max(mostKeys).optional(),
    all: z.boolean().optional(),
    /** @default 'expire' with `rewarm`, else 'purge' */
    mode: z.enum(['purge', 'expire']).optional(),
    rewarm: z.boolean().optional(),
    /** It was carried out before this job was added: only what comes after is left. */
    isDone: z.boolean().optional(),
  }),
  timeout: '1h',
  concurrency: 2,
  async run({ rewarm: isWanted = false, isDone = false, ...what }, from, to, { now, signal, log }) {
    const { cache, mode = isWanted ? 'expire' : 'purge' } = what;
    const gone = isDone ? {} : await to.cache.invalidate({ ...what, mode, isSure: true });
    const rewarmed: Record<string, Rewarmed> = {};
    let waitMs = 0;
    if (isWanted) {
      for (const each of cache === undefined ? from.caches.names() : [cache]) {
        const told = await rewarm(from, to, { ...what, cache: each, at: now() }, signal);
        if (told.asked > 0) rewarmed[each] = told;
        if (told.heldOff) waitMs = Math.max(waitMs, from.caches.warmOptions(each).holdOffMs);
        log.info({ cache: each, ...told }, 'invalidated and warmed again');
      }
    }
    if (waitMs > 0) {
      const why = 'replicas may lag: what is loaded now would not be kept';
      if (isDone) return snooze(waitMs, why);
      // Not by this job itself: it would invalidate once more, and the time would begin anew.
      const rest = { ...what, mode, rewarm: true, isDone: true };
      await to.queue.enqueue('invalidate', rest, { delayMs: waitMs });
    }
    return done({ ...gone, ...(isWanted ? { rewarmed } : {}) });
  },
});
