import { builtinJobs } from '../../jobs/index.ts';
import type { Clock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config.ts';
import { openPostgres, openRedis, type Pool } from '../../src/connect.ts';
import { defineCache, defineOrigin, encoded } from '../../src/define.ts';
import { productPages } from '../../src/demo/postgres-shop.ts';
import type { CacheClient, Samovar } from '../../src/facade.ts';
import { key } from '../../src/key.ts';
import { readConfig } from '../../src/read-config.ts';
import { createSamovar } from '../../src/samovar.ts';
import { makeFolder } from '../../src/servers/folder.ts';
import { startPostgres } from '../../src/servers/postgres.ts';
import { startReaper } from '../../src/servers/reaper.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { createLoads, type Loads } from './loads.ts';

/** Keys per second that the demo's database grants to background work. */
export const perSecond = 500;
/** Readers of a cold cache wait for their load, however slow the machine is: what they wait is what the demo shows. */
const patienceMs = 120_000;

/** What the demo plays on: it can be left at any time without leaving a trace. */
export interface Stage {
  /** A folder for the history, removed at the end. */
  readonly folder: string;
  readonly shop: Pool;
  readonly servers: string;
  close(): Promise<void>;
}

type Closer = () => Promise<void> | void;

/** Private servers and an empty folder. */
export async function openStage(
  clock: Clock,
): Promise<Stage & { urls: { cache: string; queue: string; postgres: string } }> {
  const closers: Closer[] = [];
  const close = async () => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  try {
    const folder = makeFolder('demo');
    const reaper = startReaper({ folder }, clock);
    closers.push(() => reaper.reap());
    const started = await Promise.allSettled([
      startRedis({ role: 'cache' }),
      startRedis({ role: 'queue' }),
      startPostgres(),
    ]);
    for (const each of started) if (each.status === 'fulfilled') closers.push(() => each.value.stop());
    const [cache, queue, postgres] = started.map((each) => {
      if (each.status === 'rejected') throw each.reason;
      return each.value;
    }) as [Server, Server, Server];
    const shop = await openPostgres({ url: postgres.url, from: 'the demo', max: 10, waitMs: patienceMs });
    closers.push(() => shop.end());
    return {
      folder,
      shop,
      servers: 'two Redis and a Postgres, private, gone when the demo ends',
      urls: { cache: cache.url, queue: queue.url, postgres: postgres.url },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Server = Awaited<ReturnType<typeof startRedis>>;

/** An application of the shop: its configuration, its cache, and what its loader saw. */
export interface Shop {
  readonly samovar: Samovar;
  readonly products: CacheClient<string, unknown>;
  readonly loads: Loads;
  /** Empties the cache's Redis altogether. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export async function openShop(
  stage: Awaited<ReturnType<typeof openStage>>,
  { clock, top }: { clock: Clock; top: number },
): Promise<Shop> {
  const loads = createLoads(clock);
  const catalog = defineOrigin('catalog', { budget: { perSecond, concurrency: 4 }, timeout: patienceMs });
  const def = defineCache('products', {
    origin: catalog,
    key: key.string,
    ttl: '6h',
    async load(codes: string[], { reason }) {
      loads.note(reason, codes);
      const pages = await productPages(stage.shop, codes);
      return new Map([...pages].map(([code, json]) => [code, encoded<unknown>(json)]));
    },
    warm: { top, horizon: '1h' },
  });
  const config = readConfig(
    defineConfig({
      redis: stage.urls.cache,
      queueRedis: stage.urls.queue,
      postgres: stage.urls.postgres,
      caches: [def],
      jobs: [...builtinJobs],
      log: { level: 'error' },
    }),
    // The demo runs on its own servers, whatever the environment says.
    { env: {}, file: 'the demo' },
  );
  const redis = openRedis({ role: 'cache', url: stage.urls.cache, from: 'the demo' });
  await redis.connect();
  const samovar = await createSamovar(config);
  return {
    samovar,
    products: samovar.cache(def),
    loads,
    flush: async () => void (await redis.flushall()),
    async close() {
      await samovar.stop();
      redis.disconnect();
    },
  };
}
