/** What `samovar init` writes, by the path of each file. */
export const files: Readonly<Record<string, string>> = {
  'samovar.config.ts': `import { defineCache, defineConfig, defineOrigin, key, schedule } from 'samovar';
import { builtinJobs, warm } from 'samovar/jobs';
import { digest } from './jobs/digest.js';

// The system behind your caches, and what background work may ask of it, all workers together.
const database = defineOrigin('database', { budget: { perSecond: 250, concurrency: 4 } });

export const products = defineCache('products', {
  origin: database,
  key: key.number,
  // Many ids, one query. Yours goes here; an id that is not in the Map does not exist. Rows come in any order: a Map
  // tells which is whose.
  load: async (ids) => new Map(ids.map((id) => [id, { id, name: \`Product \${id}\` }])),
  ttl: '10m',
  warm: { top: 1_000, horizon: '1h' },
});

export default defineConfig({
  // Addresses come from REDIS_URL, QUEUE_REDIS_URL and DATABASE_URL: see .env.example.
  caches: [products],
  jobs: [...builtinJobs, digest],
  schedules: [
    schedule('*/15 * * * *', warm, { cache: 'products' }),
    schedule('0 6 * * *', digest, {}),
  ],
  // What \`samovar import access.log\` makes of a request.
  import: { map: [{ cache: 'products', path: '/products/:id' }] },
});
`,
  'jobs/digest.ts': `import { defineJob, done } from 'samovar';
import { z } from 'zod';

/** A job of your own: it gets the rooms that it names, and no others. */
export const digest = defineJob('digest', {
  about: 'forecasts → a line in the log',
  reads: ['caches', 'forecasts'],
  writes: [],
  payload: z.object({}),
  async run(_payload, from, _to, { log }) {
    const caches = [];
    for (const cache of from.caches.names()) {
      const forecast = await from.forecasts.latest(cache);
      caches.push({ cache, hot: forecast?.rows.length ?? 0 });
    }
    log.info({ caches }, 'digest');
    return done({ caches });
  },
});
`,
  '.env.example': `# Copy to .env. The cache's Redis may evict (maxmemory, volatile-lfu); the queue's must not (noeviction).
REDIS_URL=redis://127.0.0.1:6379
QUEUE_REDIS_URL=redis://127.0.0.1:6380
DATABASE_URL=postgres://samovar:samovar@127.0.0.1:5432/samovar
`,
  Procfile: `worker: NODE_OPTIONS=--max-semi-space-size=32 node_modules/.bin/samovar worker
release: node_modules/.bin/samovar migrate && node_modules/.bin/samovar warm --trigger deploy --budget 60s
`,
};
