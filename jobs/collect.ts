import { z } from 'zod';
import { defineJob, done } from '../src/index.ts';

/** Messages carried over in one transaction. */
const most = 200;

export const collect = defineJob('collect', {
  about: 'access log → buckets: what was read, each read once',
  reads: ['accessLog', 'buckets'],
  writes: ['accessLog', 'buckets'],
  payload: z.object({}),
  async run(_payload, from, to, { signal, log }) {
    const totals = { messages: 0, accesses: 0, admitted: 0, waiting: 0, used: 0, dropped: 0, unreadable: 0 };
    while (!signal.aborted) {
      const batch = await from.accessLog.read(await from.buckets.cursors(), { most });
      if (batch === undefined) break;
      // Zero when another collector was faster: the cursor then says where to go on.
      const added = await to.buckets.add(batch);
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += added[name];
      if (added.messages > 0) await to.accessLog.trim(batch);
    }
    if (totals.unreadable > 0) log.warn({ unreadable: totals.unreadable }, 'access log messages skipped');
    log.debug(totals, 'collected');
    return done(totals);
  },
});
