import pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Change, createOutbox } from '../../src/change/postgres.ts';
import { database } from '../support/index.ts';
import { idsTaken, taken, triggersOf, watching } from './change-parts.ts';

const db = await database();
await db.pool.query('create table product (id bigint primary key, price int not null default 1)');
await triggersOf(db.pool, watching('products', { table: 'product', id: 'id' })).install();
const outbox = createOutbox(db.pool);
beforeEach(() => db.pool.query('truncate product; truncate samovar.change'));

const connected = async () => {
  const client = new pg.Client({ connectionString: db.url });
  await client.connect();
  return client;
};
const insert = (on: pg.Client | pg.Pool, id: number) => on.query('insert into product values ($1)', [id]);

describe('who commits late', () => {
  test('is not skipped, however many rows with higher numbers went before', async () => {
    const [slow, slower] = [await connected(), await connected()];
    await slow.query('begin');
    await insert(slow, 1);
    await slower.query('begin isolation level repeatable read');
    await insert(slower, 2);
    for (let id = 10; id < 60; id++) await insert(db.pool, id);
    expect((await idsTaken(db.pool)).length).toBe(50);
    await slower.query('commit');
    expect(await idsTaken(db.pool)).toEqual(['2']);
    await insert(db.pool, 60);
    expect(await idsTaken(db.pool)).toEqual(['60']);
    await slow.query('commit');
    expect(await idsTaken(db.pool)).toEqual(['1']);
    expect(await outbox.depth()).toEqual({ rows: 0, ids: 0, oldestMs: 0 });
    await Promise.all([slow.end(), slower.end()]);
  });

  test('is told how long it took', async () => {
    await insert(db.pool, 1);
    const { lagsMs } = await outbox.drain(async () => {});
    expect(lagsMs.length).toBe(1);
    expect(lagsMs[0]).toBeGreaterThan(0);
  });
});

describe('several workers', () => {
  test('carry each row out once, in the order of its number', async () => {
    for (let id = 0; id < 200; id++) await insert(db.pool, id);
    const seen: string[][] = [[], [], []];
    const drainAll = async (into: string[]) => {
      const own = createOutbox(db.pool);
      while ((await own.drain(async (rows) => void into.push(...rows.flatMap(({ ids }) => ids)))).rows > 0);
    };
    await Promise.all(seen.map(drainAll));
    expect(
      seen
        .flat()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 200 }, (_, i) => i));
    for (const each of seen) expect(each.map(Number)).toEqual(each.map(Number).sort((a, b) => a - b));
  });

  test('what one cannot carry out, and what one has in hand that dies, others get', async () => {
    for (const id of [1, 2]) await insert(db.pool, id);
    const refused = outbox.drain(async () => {
      throw new Error('Redis is away');
    });
    await expect(refused).rejects.toThrow('Redis is away');
    const own = new pg.Pool({ connectionString: db.url, max: 1 });
    own.on('error', () => {});
    let release = (): void => {};
    let inHand = (): void => {};
    const taking = new Promise<void>((resolve) => {
      inHand = resolve;
    });
    const dying = createOutbox(own).drain(async () => {
      inHand();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    const died = expect(dying).rejects.toThrow();
    await taking;
    expect(await taken(db.pool)).toEqual([]);
    await db.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and state like $1',
      ['idle in transaction%'],
    );
    release();
    await died;
    expect(await idsTaken(db.pool)).toEqual(['1', '2']);
    await own.end();
  });
});

describe('without any worker', () => {
  test('rows become one that voids the cache, and writers never wait for that', async () => {
    await db.pool.query(`do $$ begin
      for i in 1 .. 20500 loop insert into product values (i); end loop; end $$`);
    const { rows } = await outbox.depth();
    expect(rows).toBeLessThan(1_000);
    const all: Change[] = await taken(db.pool);
    expect(all[0]).toMatchObject({ isAll: true, caches: ['products'] });
    // What came after is told by itself.
    expect(all.flatMap(({ ids }) => ids)).toContain('20500');
  });

  test('a transaction that writes much keeps no change of others from the workers', async () => {
    await insert(db.pool, 77_777);
    const long = await db.pool.connect();
    await long.query('begin');
    await long.query(
      `insert into samovar.change (caches, tags) select '{products}', array['t' || i] from generate_series(1, 20000) i`,
    );
    await long.query('select samovar.change_bound()');
    expect((await taken(db.pool)).flatMap(({ ids }) => ids)).toEqual(['77777']);
    await long.query('commit');
    long.release();
    expect((await outbox.depth()).rows).toBe(2);
    expect(await taken(db.pool)).toContainEqual(
      expect.objectContaining({ isAll: true, caches: ['products'] }),
    );
  });

  test('a row that a worker has in hand meanwhile stays', async () => {
    await insert(db.pool, 1);
    await db.pool.query(
      `insert into samovar.change (caches, tags) select '{products}', array['t' || i] from generate_series(1, 20000) i`,
    );
    let before: readonly Change[] = [];
    await outbox.drain(async (rows) => {
      before = rows;
      await db.pool.query('select samovar.change_bound()');
    });
    expect(before.length).toBe(16);
    const left = await taken(db.pool);
    expect(left.filter(({ isAll }) => isAll).length).toBe(1);
    const tags = [...before, ...left].flatMap((row) => row.tags);
    expect(new Set(tags).size).toBe(20_000);
  });
});
