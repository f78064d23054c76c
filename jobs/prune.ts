import { z } from 'zod';
import { defineJob, done } from '../src/index.ts';

export const prune = defineJob('prune', {
  about: 'old buckets, forecasts, plans and tag markers → rolled up or gone',
  reads: [],
  writes: ['buckets', 'dirty', 'due', 'forecasts', 'plans', 'tags'],
  payload: z.object({}),
  async run(_payload, _from, to, { now, log }) {
    const pruned = {
      ...(await to.plans.prune(now())),
      ...(await to.forecasts.prune(now())),
      ...(await to.buckets.prune(now())),
      ...(await to.due.prune(now())),
      deletedRows: await to.dirty.prune(now()),
      markers: await to.tags.prune(),
    };
    log.debug(pruned, 'pruned');
    return done(pruned);
  },
});
