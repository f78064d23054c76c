import { z } from 'zod';
import { defineJob, done } from '../src/index.ts';

/** Fewer than this are not worth keeping apart. */
const leastKept = 2_000;

export const forecast = defineJob('forecast', {
  about: 'buckets → state of each key, each closed hour once → forecasts',
  reads: ['forecasts', 'caches'],
  writes: ['forecasts'],
  payload: z.object({}),
  async run(_payload, from, to, { now, signal, log }) {
    const folded = await to.forecasts.fold(now());
    const forecasts: Record<string, number> = {};
    for (const cache of from.caches.names()) {
      signal.throwIfAborted();
      const { top, horizonMs } = from.caches.warmOptions(cache);
      const made = await from.forecasts.forecast(cache, {
        now: now(),
        horizonMs,
        most: Math.max(leastKept, 2 * top),
      });
      if (made.rows.length > 0) await to.forecasts.keep(made);
      forecasts[cache] = made.rows.length;
    }
    log.debug({ ...folded, forecasts }, 'forecast');
    return done({ ...folded, forecasts });
  },
});
