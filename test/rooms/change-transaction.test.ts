import pg from 'pg';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { invalidate } from '../../jobs/invalidate.ts';
import { createClient } from '../../src/client.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { createSamovar } from '../../src/samovar.ts';
import { database, redis, until } from '../support/index.ts';
import { taken } from './change-parts.ts';

const db = await database();
const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');
await db.pool.query('create table product (id int primary key, name text not null)');
const products = defineCache('products', {
  origin: defineOrigin('shop'),
  key: key.number,
  ttl: '10m',
  tags: () => ['all'],
  load: async (ids: number[]) => {
    const { rows } = await db.pool.query('select id, name from product where id = any ($1)', [ids]);
    return new Map(rows.map((row) => [row.id as number, row.name as string]));
  },
});
const config = {
  redis: cacheRedis.url,
  queueRedis: queueRedis.url,
  postgres: db.url,
  caches: [products],
  jobs: [invalidate],
};
const app = await createClient(config);
const worker = await createSamovar(config);
afterAll(() => Promise.all([app.stop(), worker.stop()]));
const cache = app.cache(products);
beforeEach(async () => {
  await cacheRedis.flush();
  await db.pool.query('truncate product; truncate samovar.change');
  await db.pool.query(`insert into product select i, 'old' from generate_series(1, 9) i`);
  await cache.getMany([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  // They are answered before they are stored.
  await until(async () => (await there()).length === 9, 'all are stored');
});
const there = async () => {
  const found: number[] = [];
  for (let id = 1; id <= 9; id++) if (await cache.has(id)) found.push(id);
  return found;
};

describe('invalidations of a transaction', () => {
  test('are carried out once it has committed, and not before', async () => {
    await app.transaction(db.pool, async ({ client, invalidate }) => {
      await client.query(`update product set name = 'new' where id < 3`);
      invalidate({ cache: products, ids: [1] });
      invalidate({ cache: 'products', keys: ['2'] });
      expect(await there()).toHaveLength(9);
    });
    expect(await there()).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(await cache.get(1)).toBe('new');
  });

  test('are forgotten when it is rolled back', async () => {
    const work = app.transaction(db.pool, async ({ client, invalidate }) => {
      await client.query('delete from product');
      invalidate({ tags: ['all'] });
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await there()).toHaveLength(9);
    expect(await db.rows('select 1 from product')).toHaveLength(9);
  });

  test('are carried out when the answer to COMMIT comes too late to be heard', async () => {
    await db.pool.query(`create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$;
      create constraint trigger dawdle after update on product deferrable initially deferred for each row execute function dawdle()`);
    const pool = new pg.Pool({ connectionString: db.url, query_timeout: 500 });
    try {
      const work = app.transaction(pool, async ({ client, invalidate }) => {
        await client.query(`update product set name = 'new' where id = 1`);
        invalidate({ cache: products, ids: [1] });
      });
      await expect(work).rejects.toThrow(/timeout/);
      await until(
        async () => (await db.rows(`select 1 from product where name = 'new'`)).length === 1,
        'it commits',
      );
      expect(await cache.get(1)).toBe('new');
    } finally {
      await pool.end();
      await db.pool.query('drop function dawdle cascade');
    }
  });

  test('whose statement failed unheard: the caller is told that nothing was committed', async () => {
    const work = app.transaction(db.pool, async ({ client, invalidate }) => {
      await client.query('delete from product where id = 1');
      invalidate({ cache: products, ids: [1] });
      await client.query('select 1 / 0').catch(() => {});
    });
    await expect(work).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining('rolled back'),
    });
    expect(await there()).toHaveLength(9);
  });

  test('of a savepoint count when it and all around it have committed', async () => {
    await app.transaction(db.pool, async (tx) => {
      tx.invalidate({ cache: products, ids: [1] });
      await tx.savepoint(async (inner) => {
        inner.invalidate({ cache: products, ids: [2] });
        const lost = inner.savepoint(async ({ client, invalidate }) => {
          await client.query('delete from product where id = 3');
          invalidate({ cache: products, ids: [3] });
          throw new Error('inner');
        });
        await expect(lost).rejects.toThrow('inner');
        await inner.savepoint(async ({ invalidate }) => invalidate({ cache: products, ids: [4] }));
      });
      const gone = tx.savepoint(async (inner) => {
        await inner.savepoint(async ({ invalidate }) => invalidate({ cache: products, ids: [5] }));
        throw new Error('outer');
      });
      await expect(gone).rejects.toThrow('outer');
      expect(await there()).toHaveLength(9);
    });
    expect(await there()).toEqual([3, 5, 6, 7, 8, 9]);
    expect(await db.rows('select 1 from product where id = 3')).toHaveLength(1);
  });

  test('are collected for clients of any kind', async () => {
    const all = app.collect();
    all.invalidate({ cache: products, ids: [1] });
    const part = all.savepoint();
    part.invalidate({ cache: products, ids: [2] });
    part.rollback();
    const kept = all.savepoint();
    kept.invalidate({ cache: products, ids: [3] });
    await kept.commit();
    expect(await there()).toHaveLength(9);
    await all.commit();
    expect(await there()).toEqual([2, 4, 5, 6, 7, 8, 9]);
  });

  test('are carried out when the answer to COMMIT is lost', async () => {
    const work = app.transaction(db.pool, async ({ client, invalidate }) => {
      invalidate({ cache: products, ids: [1] });
      const { rows } = await client.query('select pg_backend_pid() as pid');
      await db.pool.query('select pg_terminate_backend($1)', [rows[0].pid]);
    });
    await expect(work).rejects.toThrow();
    expect(await there()).not.toContain(1);
  });
});

describe('an invalidation in the same transaction', () => {
  test('waits for a worker, whatever becomes of who wrote it', async () => {
    const client = await db.pool.connect();
    await client.query('begin');
    await client.query('delete from product where id = 1');
    await app.invalidateIn(client, { cache: products, ids: [1, 2] });
    await app.invalidateIn(client, { tags: ['some'], mode: 'expire' });
    expect(await taken(db.pool)).toEqual([]);
    await client.query('commit');
    client.release();
    expect(await there()).toHaveLength(9);
    const working = await worker.work({ cron: false });
    await until(async () => !(await cache.has(1)), 'it is carried out');
    expect(await there()).toEqual([3, 4, 5, 6, 7, 8, 9]);
    await working.stop();
  });

  test('is rolled back with it', async () => {
    const client = await db.pool.connect();
    await client.query('begin');
    await app.invalidateIn(client, { cache: products, all: true });
    await client.query('rollback');
    client.release();
    expect(await taken(db.pool)).toEqual([]);
  });

  test('takes ten thousand keys and more', async () => {
    const ids = Array.from({ length: 25_000 }, (_, i) => i);
    await app.invalidateIn(db.pool, { cache: products, ids });
    const rows = await taken(db.pool);
    expect(rows.map((row) => row.ids.length)).toEqual([10_000, 10_000, 5_000]);
    expect(rows[0]).toMatchObject({ form: 'key', mode: 'purge', rewarm: false });
    expect(await app.invalidate({ cache: products, ids })).toEqual({ keys: 25_000, tags: 0, jobs: [] });
    expect(await there()).toEqual([]);
  });
});
