import { z } from 'zod';
import { defineJob, done } from '../src/index.ts';

/** A wake-up and no more: every worker looks for due writes by itself, and none is lost with a job. */
export const flush = defineJob('flush', {
  about: 'dirty buffer → origin: the newest version of each key',
  reads: ['dirty'],
  writes: ['dirty'],
  payload: z.object({ cache: z.string().optional(), all: z.boolean().default(false) }),
  async run({ cache, all }, from, to, { signal, log }) {
    const totals = { flushed: 0, applied: 0, dead: 0, statements: 0 };
    const stopped: Record<string, string> = {};
    for (const name of cache === undefined ? from.dirty.caches() : [cache]) {
      const report = await to.dirty.flush(name, { isForced: all, signal });
      for (const count of Object.keys(totals) as (keyof typeof totals)[]) totals[count] += report[count];
      if (report.stopped) stopped[name] = report.stopped;
    }
    log.debug({ ...totals, stopped }, 'flushed');
    return done({ ...totals, stopped });
  },
});
