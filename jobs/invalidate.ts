import { z } from 'zod';
import { defineJob, done } from '../src/index.ts';

/** More keys than this belong in several jobs, or in `all`. */
const mostKeys = 10_000;

export const invalidate = defineJob('invalidate', {
  about: 'keys, tags or all of a cache → gone',
  reads: [],
  writes: ['cache'],
  payload: z.strictObject({
    cache: z.string().optional(),
    keys: z.array(z.string()).max(mostKeys).optional(),
    tags: z.array(z.string()).max(mostKeys).optional(),
    all: z.boolean().optional(),
    mode: z.enum(['purge', 'expire']).optional(),
  }),
  async run(payload, _from, to, { log }) {
    const gone = await to.cache.invalidate({ ...payload, isSure: true });
    log.debug(gone, 'invalidated');
    return done(gone);
  },
});
