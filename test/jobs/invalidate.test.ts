import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { forecast, invalidate } from '../../jobs/index.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import type { Rewarmed } from '../../src/rewarm.ts';
import { createSamovar } from '../../src/samovar.ts';
import { database, redis, until } from '../support/index.ts';

const db = await database();
const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');
const loads: number[][] = [];
let version = 1;
const products = defineCache('products', {
  origin: defineOrigin('shop', { budget: { perSecond: 10_000, concurrency: 1 } }),
  key: key.number,
  ttl: '10m',
  grace: '1h',
  batch: 5,
  tags: (id: number) => [id % 2 === 0 ? 'even' : 'odd'],
  load: async (ids: number[]) => {
    loads.push([...ids]);
    return new Map(ids.map((id) => [id, version]));
  },
  warm: { top: 10 },
});
/** Its loads may read from replicas that lag by a second. */
const lagging = defineCache('lagging', {
  origin: defineOrigin('replica'),
  key: key.number,
  ttl: '10m',
  grace: '1h',
  holdOff: '1s',
  load: async (ids: number[]) => {
    loads.push([...ids]);
    return new Map(ids.map((id) => [id, version]));
  },
  warm: { top: 1 },
});
const config = {
  redis: cacheRedis.url,
  queueRedis: queueRedis.url,
  postgres: db.url,
  caches: [products, lagging],
  jobs: [forecast, invalidate],
  access: { flushEvery: '1h' },
  log: { level: 'warn' },
} as const;
const samovar = await createSamovar(config);
const cache = samovar.cache(products);
const everyone = Array.from({ length: 40 }, (_, i) => i + 1);
let working: Awaited<ReturnType<typeof samovar.work>>;

/** Ids 1 to 20 were read, the higher the more. */
beforeAll(async () => {
  const hour = Math.floor(Date.now() / 3_600_000) - 1;
  await db.pool.query(`insert into samovar.cache (name) values ('products')`);
  await db.pool.query(
    `insert into samovar.cache_key (cache_id, key, cost_ms, size_bytes, seen_bucket)
     select 1, i::text, 5, 100, $1 from generate_series(1, 40) i`,
    [hour],
  );
  await db.pool.query(
    `insert into samovar.key_state (key_id, cache_id, first_bucket, last_bucket, e1, e3, e6, e24, e72, e168, accesses)
     select k.id, 1, $1, $1, w, w, w, w, w, w, w
       from samovar.cache_key k, lateral (select 10 * k.key::int as w) s where k.key::int <= 20`,
    [hour],
  );
  await db.pool.query('update samovar.cache set last_bucket = $1', [hour]);
  await db.pool.query('update samovar.fold set upto = $1', [hour]);
  await db.pool.query(
    `insert into samovar.key_tag (cache_id, tag, key_id)
     select 1, case when key::int % 2 = 0 then 'even' else 'odd' end, id from samovar.cache_key`,
  );
  working = await samovar.work({ cron: false });
});
afterAll(async () => {
  await working?.stop();
  await samovar.stop();
});
beforeEach(async () => {
  await cacheRedis.flush();
  version = 1;
  await cache.getMany(everyone);
  version = 2;
  loads.length = 0;
});

async function told(jobs: readonly string[]): Promise<Record<string, Rewarmed>> {
  const view = (await samovar.waitFor(invalidate, jobs[0]!, { timeout: '20s' })) as {
    state: string;
    result: { rewarmed: Record<string, Rewarmed> };
  };
  expect(view.state).toBe('completed');
  return view.result.rewarmed;
}
const present = async (ids: readonly number[]) => {
  const found: number[] = [];
  for (const id of ids) if (await cache.has(id)) found.push(id);
  return found;
};

describe('with rewarm', () => {
  test('the hot ones are loaded again, hottest first; the cold ones are forgotten', async () => {
    const { jobs } = await samovar.invalidate({ cache: products, ids: everyone, rewarm: true });
    expect(jobs).toHaveLength(1);
    expect(await told(jobs)).toEqual({
      products: { asked: 40, reloaded: 10, fresh: 0, dropped: 30, left: 0 },
    });
    expect(loads).toEqual([
      [20, 19, 18, 17, 16],
      [15, 14, 13, 12, 11],
    ]);
    expect(await present(everyone)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    expect(await cache.get(20)).toBe(2);
  });

  test('by tag', async () => {
    const { jobs, tags } = await samovar.invalidate({ tags: ['even'], rewarm: true });
    expect(tags).toBe(1);
    expect(await told(jobs)).toEqual({
      products: { asked: 20, reloaded: 10, fresh: 0, dropped: 10, left: 0 },
    });
    expect(loads.flat()).toEqual([20, 18, 16, 14, 12, 10, 8, 6, 4, 2]);
  });

  test('all of a cache', async () => {
    const { jobs } = await samovar.invalidate({ cache: products, all: true, rewarm: true });
    expect(await told(jobs)).toEqual({
      products: { asked: 10, reloaded: 10, fresh: 0, dropped: 0, left: 0 },
    });
    expect(await present(everyone)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  });

  test('what somebody loaded meanwhile is left as it is', async () => {
    await samovar.invalidate({ cache: products, ids: [1, 40] });
    await cache.getMany([40]);
    loads.length = 0;
    const id = await samovar.enqueue(invalidate, {
      cache: 'products',
      keys: ['1', '40', '20'],
      rewarm: true,
      isDone: true,
    });
    expect(await told([id])).toEqual({
      products: { asked: 3, reloaded: 1, fresh: 2, dropped: 0, left: 0 },
    });
    expect(loads).toEqual([[1]]);
  });

  test('written down in a transaction', async () => {
    await samovar.invalidateIn(db.pool, { cache: products, ids: [20, 30], rewarm: true });
    await until(async () => (await cache.get(20)) === 2, 'it is loaded again');
    await until(async () => !(await cache.has(30)), 'the cold one is forgotten');
  });
});

describe('with rewarm, where replicas may lag', () => {
  const [hot, cold] = [1, 2];
  const read = async () => {
    const other = samovar.cache(lagging);
    await other.getMany([hot, cold]);
    await until(() => other.has(cold), 'they are stored');
    loads.length = 0;
  };
  beforeAll(async () => {
    const hour = Math.floor(Date.now() / 3_600_000) - 1;
    await db.pool.query(
      `with c as (insert into samovar.cache (name, last_bucket) values ('lagging', $1) returning id),
            k as (insert into samovar.cache_key (cache_id, key, cost_ms, size_bytes, seen_bucket)
                  select id, '1', 5, 100, $1 from c returning id, cache_id)
       insert into samovar.key_state (key_id, cache_id, first_bucket, last_bucket, e1, e3, e6, e24, e72, e168, accesses)
       select id, cache_id, $1, $1, 10, 10, 10, 10, 10, 10, 10 from k`,
      [hour],
    );
  });

  test('the hot ones are loaded when what is loaded may be kept again', async () => {
    await read();
    const { jobs } = await samovar.invalidate({ cache: lagging, ids: [hot, cold], rewarm: true });
    const { lagging: last } = await told(jobs);
    expect(last).toEqual({ asked: 2, reloaded: 1, fresh: 0, dropped: 1, left: 0 });
    expect(loads).toEqual([[hot]]);
    expect(await samovar.cache(lagging).has(hot)).toBe(true);
    expect(await samovar.cache(lagging).has(cold)).toBe(false);
  });

  test('also when the job itself invalidated', async () => {
    await read();
    const id = await samovar.enqueue(invalidate, { cache: 'lagging', keys: [`${hot}`], rewarm: true });
    await told([id]);
    await until(() => loads.length > 0, 'it is loaded again');
    await until(async () => (await samovar.cache(lagging).get(hot)) === version, 'it is there');
    expect(loads).toEqual([[hot]]);
  });
});

test('stale values are served until the reload, unless they are purged', async () => {
  await working.stop();
  await samovar.invalidate({ cache: products, ids: [20], rewarm: true });
  await samovar.invalidate({ cache: products, ids: [19], rewarm: true, mode: 'purge' });
  expect(await cache.has(19)).toBe(false);
  expect(await cache.get(20)).toBe(1);
  working = await samovar.work({ cron: false });
  await until(async () => (await present([19, 20])).length === 2, 'both are back');
});

test('the job does it all by itself', async () => {
  const id = await samovar.enqueue(invalidate, { cache: 'products', keys: ['1', '2'], tags: ['odd'] });
  await samovar.waitFor(invalidate, id, { timeout: '20s' });
  expect(await present([1, 2, 3, 4])).toEqual([4]);
});
