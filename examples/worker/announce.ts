import { defineJob, done } from 'samovar';
import { plan } from 'samovar/jobs';
import { z } from 'zod';

/** A newsletter goes out in a moment: what it links to is loaded before its readers come. */
export const announce = defineJob('announce', {
  about: 'a newsletter → the queue: a plan of just its articles',
  reads: [],
  writes: ['queue'],
  payload: z.object({ slugs: z.array(z.string()).min(1) }),
  async run({ slugs }, _from, to, { log }) {
    const job = await to.queue.enqueue(plan.name, { cache: 'articles', keys: slugs, trigger: 'event' });
    log.info({ articles: slugs.length }, 'announced');
    return done({ job });
  },
});
