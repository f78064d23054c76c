import { z } from 'zod';
import { cancel, defineJob, done, drawPlan, duration, enqueueLanes, snooze } from '../src/index.ts';

/** More keys than this belong in a source of the cache, not in a job. */
const mostKeys = 10_000;

export const planPayload = z.strictObject({
  cache: z.string(),
  top: z.int().positive().optional(),
  horizon: duration.optional(),
  maxTime: duration.optional(),
  maxBytes: z.int().positive().optional(),
  /** Texts of keys to warm instead of what the sources name. */
  keys: z.array(z.string()).max(mostKeys).optional(),
  trigger: z.enum(['cron', 'deploy', 'manual', 'event']).optional(),
});

export const plan = defineJob('plan', {
  about: 'forecasts + freshness + budget → warm plan; enqueues its run',
  reads: ['caches', 'forecasts', 'plans', 'store'],
  writes: ['plans', 'queue'],
  payload: planPayload,
  async run(payload, from, to, { at, signal, log }) {
    const { cache, trigger = 'cron' } = payload;
    const { overlap, lanes, maxTimeMs, ttlMs } = from.caches.warmOptions(cache);
    const request = { ...payload, at, horizonMs: payload.horizon, maxTimeMs: payload.maxTime };
    const drawn = await drawPlan(from, request, signal);
    const planned = (run: number | null) => done({ run, ...drawn.totals });
    if (drawn.rows.length === 0) return planned(null);

    const opened = await to.plans.open({
      plan: drawn,
      trigger,
      ttlMs,
      maxTimeMs: payload.maxTime ?? maxTimeMs,
    });
    if ('running' in opened) {
      const why = `run ${opened.running} of ${cache} is under way`;
      return overlap === 'queue' ? snooze('5s', why) : cancel(why);
    }
    await enqueueLanes(to.queue, { cache, plan: opened.plan, lanes });
    log.info({ cache, run: opened.plan, ...drawn.totals }, 'planned');
    return planned(opened.plan);
  },
});
