import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { invalidate } from '../../jobs/invalidate.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { query } from '../../src/fronts/index.ts';
import { key } from '../../src/key.ts';
import { createLog } from '../../src/log.ts';
import { createSamovar } from '../../src/samovar.ts';
import { database, redis, startProxy, until } from '../support/index.ts';

const db = await database();
const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');
const [toPostgres, toRedis] = [await startProxy(db.url), await startProxy(cacheRedis.url)];
await db.pool.query(`
  create table product (id int primary key, name text not null, category int not null default 1);
  create table price (product_id int not null references product on delete cascade, cents int not null)`);
const origin = defineOrigin('shop');
interface Product {
  readonly name: string;
  readonly category: number;
  readonly cents: number | null;
}
const products = defineCache('products', {
  origin,
  key: key.number,
  ttl: '10m',
  tags: (_id, { category }: Product) => [`category:${category}`],
  load: async (ids: number[]) => {
    const { rows } = await db.pool.query(
      `select id, name, category, (select sum(cents)::int from price where product_id = id) as cents
         from product where id = any ($1)`,
      [ids],
    );
    return new Map(rows.map((row) => [row.id as number, row as Product]));
  },
  invalidateOn: [
    { table: 'product', id: 'id', tags: ['category:{category}'] },
    { table: 'price', id: 'product_id' },
  ],
});
const counts = query<'counts', [], { n: number }>('counts', db.pool, 'select count(*)::int as n from price', {
  origin,
  ttl: '10m',
  tables: ['price'],
});
const lines: string[] = [];
const config = {
  redis: toRedis.url,
  queueRedis: queueRedis.url,
  postgres: toPostgres.url,
  caches: [products, counts],
  jobs: [invalidate],
  log: { level: 'warn' },
} as const;
const log = createLog({ level: 'warn', to: { write: (line) => void lines.push(line) } });
const worker = await createSamovar(config, { log });
/** Where the application reads: its ways are never cut. */
const app = await createSamovar({ ...config, redis: cacheRedis.url, postgres: db.url, jobs: [] });
await app.schema.migrate();
const working = await worker.work({ cron: false });
afterAll(async () => {
  toPostgres.pass();
  toRedis.pass();
  await working.stop();
  await Promise.all([worker.stop(), app.stop()]);
  await Promise.all([toPostgres.close(), toRedis.close()]);
});

const cache = app.cache(products);
const sql = (text: string) => db.pool.query(text);
const isEmpty = async () => (await db.rows('select 1 from samovar.change')).length === 0;
const settled = () => until(isEmpty, 'the outbox is empty', { timeoutMs: 20_000 });
beforeEach(async () => {
  await sql('truncate product cascade');
  await sql(
    `insert into product select i, 'old', i % 3 from generate_series(1, 30) i; insert into price values (1, 5)`,
  );
  await settled();
});

test('what a statement changed is gone from the cache, whoever sent it', async () => {
  await cache.getMany([1, 2, 3]);
  await sql(`update product set name = 'new' where id = 1`);
  await settled();
  expect(await cache.has(1)).toBe(false);
  expect((await cache.get(1))?.name).toBe('new');
  await sql('delete from product where id = 2');
  await settled();
  expect(await cache.get(2)).toBeUndefined();
  expect((await cache.get(3))?.name).toBe('old');
});

test('a missing id that comes to be is found', async () => {
  expect(await cache.get(77)).toBeUndefined();
  await sql(`insert into product values (77, 'new')`);
  await settled();
  expect((await cache.get(77))?.name).toBe('new');
});

test('a table that is joined, and queries that read it, count as well', async () => {
  const count = app.callable(counts);
  expect((await cache.get(1))?.cents).toBe(5);
  expect(await count()).toEqual([{ n: 1 }]);
  await sql('insert into price values (1, 6)');
  await settled();
  expect((await cache.get(1))?.cents).toBe(11);
  expect(await count()).toEqual([{ n: 2 }]);
});

test('entries with a tag of the row before or after are gone', async () => {
  await cache.getMany([1, 2, 3, 4, 5, 6]);
  await sql('update product set category = 2 where id = 1');
  await settled();
  const left = await Promise.all([1, 2, 3, 4, 5, 6].map((id) => cache.has(id)));
  expect(left).toEqual([false, false, true, false, false, true]);
});

test('a truncated table empties the cache', async () => {
  await cache.getMany([1, 2, 3]);
  await sql('truncate product cascade');
  await settled();
  expect((await cache.getMany([1, 2, 3])).size).toBe(0);
});

test('what is told of a cache that is not known here voids it by its name', async () => {
  await cache.get(1);
  await sql(`select samovar.change_add('{unheard-of}', 'id', '{1}', null)`);
  await settled();
  expect(await cache.has(1)).toBe(true);
  expect(await cacheRedis.client.keys('*unheard-of*')).not.toEqual([]);
});

test('a row whose id is none of the cache voids it, and is told', async () => {
  await cache.get(1);
  await sql(`select samovar.change_add('{products}', 'id', '{seven}', null)`);
  await settled();
  expect(await cache.has(1)).toBe(false);
  expect(lines.join()).toContain('a changed row has an id that is none of this cache');
  expect(lines.join()).not.toContain('seven');
});

describe('while a way is cut', () => {
  test('to Redis: what changed waits in the outbox, and is gone when it is back', async () => {
    await cache.getMany([1, 2]);
    toRedis.refuse();
    await sql('delete from product where id = 1');
    await until(() => lines.join().includes('changes wait in the outbox'), 'the worker has told');
    expect(await isEmpty()).toBe(false);
    toRedis.pass();
    await settled();
    expect(await cache.get(1)).toBeUndefined();
    expect((await cache.get(2))?.name).toBe('old');
  });

  test('to Postgres: the doorbell is hung up anew, and what was missed is read', async () => {
    await cache.getMany([1, 2]);
    toPostgres.refuse();
    await sql('delete from product where id = 1');
    toPostgres.pass();
    await settled();
    expect(await cache.get(1)).toBeUndefined();
    await until(
      async () =>
        (
          await db.rows(
            `select 1 from pg_stat_activity where query = 'listen samovar_change' and datname = current_database()`,
          )
        ).length > 0,
      'the worker listens again',
    );
    await sql('delete from product where id = 2');
    await settled();
    expect(await cache.get(2)).toBeUndefined();
  });

  test('to Postgres, without a word: what rang unheard is found by looking', async () => {
    await cache.getMany([1, 2]);
    await db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen samovar_change' and datname = current_database()`,
    );
    await sql('delete from product where id = 1');
    await settled();
    expect(await cache.get(1)).toBeUndefined();
  });
});

test('without ever hearing the doorbell, as behind a pooler, what changed is found by looking', async () => {
  await cache.getMany([1, 2]);
  // LISTEN fails on this way in, and nothing else does.
  const deaf = new URL(db.url);
  deaf.searchParams.set('application_name', 'deaf');
  await working.stop();
  const heard: unknown[] = [];
  const other = await createSamovar({ ...config, redis: cacheRedis.url, postgres: deaf.href }, { log });
  other.events.on('changes:applied', (event) => heard.push(event));
  const Client = (await import('pg')).default.Client;
  const query = Client.prototype.query;
  Client.prototype.query = function (this: InstanceType<typeof Client>, ...args: unknown[]) {
    if (String(args[0]).startsWith('listen ')) return Promise.reject(new Error('LISTEN is not supported'));
    return (query as (...args: unknown[]) => unknown).apply(this, args);
  } as typeof query;
  try {
    const polling = await other.work({ cron: false });
    await sql('delete from product where id = 1');
    await settled();
    expect(await cache.get(1)).toBeUndefined();
    await sql(`update product set name = 'new' where id = 2`);
    await settled();
    expect((await cache.get(2))?.name).toBe('new');
    expect(heard.length).toBeGreaterThanOrEqual(2);
    expect(
      await db.rows(
        `select 1 from pg_stat_activity where query = 'listen samovar_change' and datname = current_database()`,
      ),
    ).toEqual([]);
    await polling.stop();
  } finally {
    Client.prototype.query = query;
    await other.stop();
  }
});
