import pg from 'pg';
import { refresh } from '../../jobs/refresh.ts';
import { lazyDatabase } from '../../src/compose/database.ts';
import { type Ground, openGround } from '../../src/compose/ground.ts';
import { createRooms } from '../../src/compose/rooms.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import type { Outcome } from '../../src/job.ts';
import { key } from '../../src/key.ts';
import { silentLog } from '../../src/log.ts';
import type { Reads, Writes } from '../../src/rooms.ts';

/** Where a worker may be when it is killed. */
export const points = ['claimed', 'looked', 'judged', 'loading', 'filled', 'noted', 'settled'] as const;
export type Point = (typeof points)[number];

export interface Urls {
  readonly cacheUrl: string;
  readonly queueUrl: string;
  readonly postgresUrl: string;
}

/** One worker process of a fleet that refreshes; `at` is called at each point. */
export async function openWorker(urls: Urls, at: (point: Point) => void = () => {}) {
  const pool = new pg.Pool({ connectionString: urls.postgresUrl, max: 2 });
  pool.on('error', () => {}); // a test that ends the server's connections means to
  const items = defineCache('items', {
    origin: defineOrigin('table', { timeout: '1s' }),
    key: key.number,
    ttl: '2s',
    grace: '1h',
    jitter: 0,
    earlyRefresh: 0,
    refreshAhead: { at: 0.1, refreshCost: 0, max: 1, min: 1 },
    async load(ids: number[], { reason }) {
      const { rows } = await pool.query('select id, value from item where id = any($1)', [ids]);
      if (reason === 'refresh') at('loading');
      return new Map(rows.map((row: { id: number; value: string }) => [row.id, row.value]));
    },
  });
  const ground: Ground = await openGround(
    {
      redis: urls.cacheUrl,
      queueRedis: urls.queueUrl,
      postgres: urls.postgresUrl,
      prefix: 'fleet',
      caches: [items],
      jobs: [refresh],
    },
    { log: silentLog, record: false },
  );
  const database = await lazyDatabase(ground)();
  const { reads, writes } = createRooms(ground, database);
  const after =
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>, point: Point) =>
    async (...args: Args): Promise<Result> => {
      const result = await work(...args);
      at(point);
      return result;
    };
  const from = {
    ...reads,
    store: { ...reads.store, ages: after(reads.store.ages, 'looked') },
    forecasts: { ...reads.forecasts, chances: after(reads.forecasts.chances, 'judged') },
  } satisfies Reads;
  const to = {
    ...writes,
    cache: { ...writes.cache, fill: after(writes.cache.fill, 'filled') },
    due: {
      ...writes.due,
      claim: after(writes.due.claim, 'claimed'),
      settle: after(async (...args: Parameters<Writes['due']['settle']>) => {
        await ground.due.flush();
        at('noted');
        await writes.due.settle(...args);
      }, 'settled'),
    },
  } satisfies Writes;
  return {
    ground,
    items: ground.caches.open(items),
    run: (): Promise<Outcome<Record<string, number>>> =>
      refresh.run({}, from, to, {
        id: '1',
        attempt: 1,
        worker: 'w',
        at: ground.clock.now(),
        now: ground.clock.now,
        signal: new AbortController().signal,
        log: silentLog,
        progress: async () => {},
      }),
    async close() {
      await ground.close();
      await pool.end();
    },
  };
}
