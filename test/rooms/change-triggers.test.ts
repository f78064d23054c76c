import pg from 'pg';
import { beforeEach, describe, expect, test } from 'vitest';
import { isSamovarError, type SamovarError } from '../../src/errors.ts';
import { key } from '../../src/key.ts';
import { database } from '../support/index.ts';
import { idsTaken, taken, triggersOf, watching } from './change-parts.ts';

const db = await database();
const tables = `
  create schema if not exists "My shop";
  drop table if exists product, line, "My shop"."Odd ""name""" cascade;
  create table product (id bigint primary key, name text not null, category int, price numeric not null default 1, about json);
  create table line (order_id int, product_id bigint references product on delete cascade on update cascade, n int);
  create table "My shop"."Odd ""name""" ("the id" text, tenant int)`;
beforeEach(async () => {
  await db.pool.query(tables);
  await triggersOf(db.pool).install();
  await db.pool.query('truncate samovar.change');
});
const sql = (text: string) => db.pool.query(text);
const byId = watching('products', { table: 'product', id: 'id' });
const refusal = async (work: Promise<unknown>): Promise<SamovarError> => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (isSamovarError(error)) return error;
  throw new Error('expected a SamovarError', { cause: error });
};

describe('what a statement tells', () => {
  test('the ids that it inserted, updated or deleted, one row a statement', async () => {
    await triggersOf(db.pool, byId).install();
    await sql(`insert into product select i, 'p' from generate_series(1, 1000) i`);
    expect((await taken(db.pool)).map(({ ids, caches }) => [ids.length, caches])).toEqual([
      [1000, ['products']],
    ]);
    await sql('update product set price = 2 where id <= 3');
    expect(await idsTaken(db.pool)).toEqual(['1', '2', '3']);
    await sql('delete from product where id in (7, 8)');
    expect(await idsTaken(db.pool)).toEqual(['7', '8']);
    await sql('update product set price = 3 where id < 0; delete from product where id < 0');
    expect(await idsTaken(db.pool)).toEqual([]);
    await sql(
      `insert into product values (1, 'again'), (5000, 'new') on conflict (id) do update set name = excluded.name`,
    );
    expect(new Set(await idsTaken(db.pool))).toEqual(new Set(['1', '5000']));
  });

  test('both ids where one becomes another', async () => {
    await triggersOf(db.pool, byId).install();
    await sql(`insert into product values (1, 'a'), (2, 'b')`);
    await taken(db.pool);
    await sql('update product set id = id + 10');
    expect(await idsTaken(db.pool)).toEqual(['1', '11', '12', '2']);
  });

  test('everything, when the table is emptied at once', async () => {
    await triggersOf(db.pool, byId, watching('lines', { table: 'line', id: 'product_id' })).install();
    await sql('truncate product cascade');
    expect((await taken(db.pool)).map(({ isAll, caches }) => [isAll, caches[0]]).sort()).toEqual([
      [true, 'lines'],
      [true, 'products'],
    ]);
  });

  test('nothing of what was rolled back', async () => {
    await triggersOf(db.pool, byId).install();
    await sql(`begin; insert into product values (1, 'a'); savepoint s; insert into product values (2, 'b');
               rollback to s; insert into product values (3, 'c'); commit`);
    await sql(`begin; insert into product values (4, 'd'); rollback`);
    expect(await idsTaken(db.pool)).toEqual(['1', '3']);
  });

  test('rows that foreign keys change along', async () => {
    await sql(`insert into product values (1, 'a'), (2, 'b')`);
    await sql('insert into line values (10, 1, 1), (11, 1, 1), (12, 2, 1)');
    await triggersOf(db.pool, watching('lines', { table: 'line', id: 'order_id' })).install();
    await sql('delete from product where id = 1');
    expect(await idsTaken(db.pool)).toEqual(['10', '11']);
  });

  test('each id of a column once, and none for null', async () => {
    await sql(`insert into product select i, 'p' from generate_series(1, 3) i`);
    await triggersOf(db.pool, watching('sold', { table: 'line', id: 'product_id' })).install();
    await sql('insert into line select i, nullif(i % 4, 0), 1 from generate_series(1, 100) i');
    expect(await idsTaken(db.pool)).toEqual(['1', '2', '3']);
  });

  test('tags of the row before and after; whole caches where no id is named', async () => {
    await sql(`insert into product values (1, 'a', 7), (2, 'b', null)`);
    await triggersOf(
      db.pool,
      watching('pages', { table: 'product', tags: ['category:{category}', 'products'] }),
      watching('front', { table: 'line' }),
    ).install();
    await sql('update product set category = 8 where id = 1');
    expect(await idsTaken(db.pool)).toEqual(['category:7', 'category:8', 'products', 'products']);
    await sql('update product set price = 2 where id = 2');
    expect(new Set(await idsTaken(db.pool))).toEqual(new Set(['products']));
    await sql('insert into line values (1, 1, 1)');
    expect(await taken(db.pool)).toMatchObject([{ isAll: true, caches: ['front'] }]);
  });

  test('only updates of the columns that matter, where those are named', async () => {
    const some = { table: 'product', id: 'id', columns: ['name', 'about'] };
    await sql(`insert into product values (1, 'a', 1, 1, '{}'), (2, 'b', 1, 1, '{}'), (3, 'c', 1, 1, null)`);
    await triggersOf(db.pool, watching('products', some)).install();
    await sql('update product set price = price + 1');
    expect(await taken(db.pool)).toEqual([]);
    await sql(`update product set name = 'z' where id = 2`);
    await sql(`update product set about = '[]' where id = 3`);
    expect(await idsTaken(db.pool)).toEqual(['2', '3']);
  });

  test('ids in JSON, of several columns or for keys in JSON', async () => {
    await sql(`insert into product values (1, 'a'), (2, 'b')`);
    await triggersOf(
      db.pool,
      watching('pairs', { table: 'line', id: ['order_id', 'n'] }, key.json()),
      watching('objects', { table: 'line', id: { order: 'order_id' } }, key.json()),
      watching('plain', { table: 'line', id: 'order_id' }, key.json()),
    ).install();
    await sql('insert into line values (5, 1, 9)');
    const rows = await taken(db.pool);
    expect(rows.map(({ caches, form, ids }) => [caches[0], form, ids.map((id) => JSON.parse(id))])).toEqual([
      ['pairs', 'json', [[5, 9]]],
      ['objects', 'json', [{ order: 5 }]],
      ['plain', 'json', [5]],
    ]);
  });

  test('thousands of ids to a row, and beyond a bound everything', async () => {
    await triggersOf(db.pool, byId).install();
    await sql(`insert into product select i, 'p' from generate_series(1, 25001) i`);
    const rows = await taken(db.pool);
    expect(rows.map(({ ids }) => ids.length)).toEqual([10_000, 10_000, 5_001]);
    expect(new Set(rows.flatMap(({ ids }) => ids)).size).toBe(25_001);
    await sql(`insert into product select i, 'p' from generate_series(30000, 230000) i`);
    expect(await taken(db.pool)).toMatchObject([{ isAll: true, caches: ['products'], ids: [] }]);
  });

  test('everything, where it cannot name what changed: who writes is not to suffer for it', async () => {
    const tagged = watching('products', { table: 'product', id: 'id', tags: ['category:{category}'] });
    await triggersOf(db.pool, tagged).install();
    await sql('alter table product rename column category to kind');
    await sql(`insert into product (id, name, kind) values (1, 'a', 7)`);
    const told = await taken(db.pool);
    expect(told.filter(({ isAll }) => isAll).map(({ caches }) => caches)).toEqual([['products']]);
    expect(told.flatMap(({ ids }) => ids)).toEqual(['1']);
    await sql('alter table product rename column id to number');
    await sql('update product set name = upper(name)');
    expect((await taken(db.pool)).every(({ isAll }) => isAll)).toBe(true);
    expect((await sql('select name from product')).rows).toEqual([{ name: 'A' }]);
  });

  test('names with quotes and spaces are names', async () => {
    const table = 'My shop.Odd "name"';
    const odd = watching(`odd`, { table, id: 'the id', tags: [`it's {tenant} \\ $$`] }, key.string as never);
    await triggersOf(db.pool, odd).install();
    await sql(`insert into "My shop"."Odd ""name""" values ('x''; drop', 4)`);
    expect(await idsTaken(db.pool)).toEqual([`it's 4 \\ $$`, `x'; drop`]);
  });
});

describe('migrating', () => {
  const counts = () => db.rows(`select count(*)::int as n from pg_trigger where tgname like 'samovar%'`);

  test('makes what is missing, mends what is another, removes what is asked for no more', async () => {
    const triggers = triggersOf(db.pool, byId);
    expect(await triggers.status()).toEqual([{ table: 'product', state: 'missing' }]);
    expect(await triggers.install()).toEqual([{ table: 'product', state: 'missing' }]);
    expect(await triggers.install()).toEqual([]);
    expect(await triggers.status()).toEqual([{ table: 'product', state: 'ok' }]);
    const other = triggersOf(db.pool, watching('others', { table: 'product', id: 'id' }));
    expect(await other.install()).toEqual([{ table: 'product', state: 'changed' }]);
    await sql('alter table product disable trigger samovar_change_update');
    expect(await other.status()).toEqual([{ table: 'product', state: 'changed' }]);
    await other.install();
    await sql(`insert into product values (1, 'a'); update product set price = 2`);
    expect((await taken(db.pool)).map(({ caches }) => caches)).toEqual([['others'], ['others']]);
    expect(await triggersOf(db.pool).install()).toEqual([{ table: 'public.product', state: 'left' }]);
    expect(await counts()).toEqual([{ n: 0 }]);
    await sql('update product set price = 3');
  });

  test('caches that ask the same of a table share its rows', async () => {
    await triggersOf(db.pool, byId, watching('pages', { table: 'product', id: 'id' })).install();
    await sql(`insert into product values (1, 'a')`);
    expect((await taken(db.pool)).map(({ caches }) => caches)).toEqual([['pages', 'products']]);
  });

  test('gives a script instead', async () => {
    await sql(await triggersOf(db.pool, byId).sql());
    expect(await triggersOf(db.pool, byId).status()).toEqual([{ table: 'product', state: 'ok' }]);
    expect(await triggersOf(db.pool, byId).sql()).toBe('');
  });

  test('says what is not there', async () => {
    const of = (change: Parameters<typeof watching>[1]) =>
      refusal(triggersOf(db.pool, watching('products', change)).install());
    const table = await of({ table: 'prodcut', id: 'id' });
    expect(table).toMatchObject({ code: 'E_SCHEMA' });
    expect(table.message).toContain(`there is no table 'prodcut' in this database`);
    expect(table.hints[0]).toBe(`did you mean 'product'?`);
    const column = await of({ table: 'product', id: 'idd' });
    expect(column.message).toContain(`\`caches.products.invalidateOn\`: table 'product' has no column 'idd'`);
    expect((await of({ table: 'product', tags: ['c:{catgory}'] })).hints).toEqual([
      `did you mean 'category'?`,
    ]);
    await sql('create or replace view seen as select 1 as id');
    expect((await of({ table: 'seen', id: 'id' })).message).toContain('is no table');
    expect(await counts()).toEqual([{ n: 0 }]);
  });

  test('says the same whoever writes, however his session writes dates', async () => {
    await sql('create table dated (id timestamptz primary key, day date, about json, n int)');
    const dated = watching('dated', {
      table: 'dated',
      id: 'id',
      tags: ['day:{day}', 'about:{about}'],
      columns: ['n'],
    });
    await triggersOf(db.pool, dated).install();
    const writer = new pg.Pool({
      connectionString: db.url,
      max: 1,
      options: '-c datestyle=German -c timezone=Asia/Tokyo',
    });
    await writer.query(`insert into dated values ('2026-11-26 12:00:00Z', '2026-11-26', '{}', 1)`);
    await writer.end();
    const told = ['2026-11-26 12:00:00+00', 'about:{}', 'day:2026-11-26'];
    expect(await idsTaken(db.pool)).toEqual(told);
    // JSON cannot be compared, and is no reason for an update to fail.
    await sql('update dated set n = 2');
    expect([...new Set(await idsTaken(db.pool))]).toEqual(told);
    await sql('update dated set n = 2');
    expect(await idsTaken(db.pool)).toEqual([]);
    await sql('drop table dated');
  });

  describe('by a user who may not', () => {
    const role = `writer_${process.pid}`;
    let pool: pg.Pool;
    beforeEach(async () => {
      await sql(`drop role if exists ${role}; create role ${role}; grant select, insert, update on product to ${role};
                 grant usage on schema samovar to ${role}; grant select on samovar.change to ${role}`);
      pool = new pg.Pool({ connectionString: db.url, max: 1, options: `-c role=${role}` });
      return async () => {
        await pool.end();
        await sql(`drop owned by ${role}; drop role ${role}`);
      };
    });

    test('is told which right it lacks', async () => {
      const error = await refusal(triggersOf(pool, byId).install());
      expect(error.message).toBe(`this user may not make triggers on table 'product'`);
      expect(error.hints[0]).toBe('let it: grant trigger on "product" to …');
    });

    test('writes to the table all the same, and the change is told', async () => {
      await triggersOf(db.pool, byId).install();
      await sql(`revoke usage on schema samovar from ${role}`);
      await pool.query(`insert into product values (1, 'a')`);
      expect(await idsTaken(db.pool)).toEqual(['1']);
    });
  });
});
