import { z } from 'zod';
import { cancel, defineJob, done, duration, type JobContext, snooze, startRun } from '../src/index.ts';

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
  /** The instant (epoch ms) by which keys that rise in its hour are to be warm: only these are planned. */
  rise: z.int().positive().optional(),
  /** @default 'cron' for what a schedule asks for, 'event' for what an application enqueues */
  trigger: z.enum(['cron', 'deploy', 'manual', 'event']).optional(),
});

/** What rooms call the times of a payload. */
export const requestOf = (
  { horizon, maxTime, trigger, ...request }: z.output<typeof planPayload>,
  { now, schedule }: Pick<JobContext, 'now' | 'schedule'>,
) => ({
  ...request,
  at: now(),
  trigger: trigger ?? (schedule === undefined ? ('event' as const) : ('cron' as const)),
  horizonMs: horizon,
  maxTimeMs: maxTime,
});

export const plan = defineJob('plan', {
  about: 'forecasts + freshness + budget → warm plan, a run that `warm` jobs carry out',
  reads: ['caches', 'forecasts', 'plans', 'store'],
  writes: ['plans', 'queue'],
  payload: planPayload,
  async run(payload, from, to, context) {
    const { signal, log } = context;
    const { cache } = payload;
    const started = await startRun(from, to, requestOf(payload, context), signal);
    if ('running' in started) {
      const why = `run ${started.running} of ${cache} is under way`;
      // A slot before a rise comes once a day.
      const waits = payload.rise !== undefined || from.caches.warmOptions(cache).overlap === 'queue';
      return waits ? snooze('5s', why) : cancel(why);
    }
    log.info({ cache, run: started.run, ...started.totals }, 'planned');
    return done({ run: started.run ?? null, ...started.totals });
  },
});
