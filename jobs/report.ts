import { z } from 'zod';
import { defineJob, done } from '../src/index.ts';

export const report = defineJob('report', {
  about: 'plans × what came → scorecards: was it worth it?',
  reads: ['caches', 'plans'],
  writes: ['plans'],
  payload: z.object({}),
  async run(_payload, from, to, { now, log }) {
    const { scored, dropped } = await to.plans.score(now());
    if (scored > 0) {
      for (const cache of from.caches.names()) {
        const [last] = await from.plans.scores(cache, { plans: 1 });
        if (last !== undefined) log.info({ cache, ...last }, 'scorecard');
      }
    }
    return done({ scored, dropped });
  },
});
