import { beforeEach, describe, expect, test } from 'vitest';
import type { Epochs, Target } from '../../src/dirty/target.ts';
import { upsert } from '../../src/upsert.ts';
import { database, redis } from '../support/index.ts';
import { buffer } from './dirty-parts.ts';

const db = await database();
const queue = await redis('queue');
const { dirty, put, flusher } = buffer(queue.url, db.pool);
const other = buffer(queue.url, db.pool);

await db.rows(`
  create table item (id text primary key, name text not null check (name <> 'refused'), price int, doc jsonb, ver bigint);
  create table plain (id text primary key, name text not null);
  create table effect (seq bigserial primary key, id text, ver bigint, op text);
  create function note() returns trigger language plpgsql as $$
  begin
    insert into effect (id, ver, op) values (coalesce(new.id, old.id), coalesce(new.ver, old.ver), tg_op);
    return null;
  end $$;
  create trigger note after insert or update or delete on item for each row execute function note();
`);
const items = upsert({
  table: 'item',
  id: 'id',
  columns: { name: 'name', price: 'price', doc: '*' },
  version: 'ver',
});
const plain = upsert({ table: 'public.plain', id: 'id', columns: ['name'], version: 'side' });

beforeEach(async () => {
  await queue.flush();
  await db.rows('truncate item, plain, effect, samovar.dirty_row, samovar.dirty_partition');
});
const names = async (table = 'item') =>
  Object.fromEntries(
    (await db.rows<{ id: string; name: string }>(`select id, name from ${table} order by id`)).map(
      ({ id, name }) => [id, name],
    ),
  );
const balance = async () => (await dirty.ledger('shop')).difference;

describe('a flush', () => {
  test('carries the newest value of each key over, once, and lets it go', async () => {
    for (let i = 0; i < 50; i++)
      await Promise.all(['a', 'b', 'c'].map((key) => put(key, { name: `${key}${i}`, price: i })));
    const one = flusher(items);
    expect(await one.flush()).toMatchObject({ flushed: 3, applied: 3, dead: 0 });
    expect(await names()).toEqual({ a: 'a49', b: 'b49', c: 'c49' });
    expect(await db.rows('select price, doc from item limit 1')).toEqual([
      { price: 49, doc: { name: 'a49', price: 49 } },
    ]);
    expect(await db.rows('select count(*)::int as n from effect')).toEqual([{ n: 3 }]);
    expect(await one.flush()).toMatchObject({ flushed: 0, statements: 0 });
    expect(await dirty.ledger('shop')).toMatchObject({
      accepted: 150,
      coalesced: 147,
      flushed: 3,
      pending: 0,
      difference: 0,
    });
    expect(one.written.sort()).toEqual(['a', 'b', 'c']);
  });

  test('leaves what is younger than the delay, unless it is told to take all', async () => {
    await put('a', { name: 'a' });
    const one = flusher(items, { delayMs: 3_600_000 });
    expect(await one.flush()).toMatchObject({ flushed: 0 });
    expect(await one.flush({ isForced: true })).toMatchObject({ flushed: 1 });
  });

  test('writes many rows in few statements', async () => {
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => put(`k${i}`, { name: `n${i}`, price: i })));
    const report = await flusher(items, { batch: 500 }).flush();
    expect(report).toMatchObject({ flushed: 2_000, applied: 2_000 });
    expect(report.statements).toBeLessThanOrEqual(6);
    expect(await db.rows('select count(*)::int as n from item where name = $$n$$ || price')).toEqual([
      { n: 2_000 },
    ]);
  });

  test.each(['item', 'plain'])(
    'of a deletion takes the row of %s away, and no older write brings it back',
    async (table) => {
      const def = table === 'item' ? items : plain;
      await put('a', { name: 'first' });
      const old = await dirty.claim('shop', {
        partitions: [dirty.partitionOf('a')],
        most: 1,
        olderThanMs: 0,
      });
      const one = flusher(def);
      await one.flush();
      await put('a', undefined);
      await one.flush();
      expect(await names(table)).toEqual({});
      // The old write comes back, as from a Redis that went back in time.
      const { version, key } = old.rows[0]!;
      await queue.client.hset(
        `test:{wb:shop#${dirty.partitionOf(key)}}:d`,
        key,
        `1${version}U001x{"name":"zombie"}`,
      );
      expect(await one.flush()).toMatchObject({ flushed: 1, applied: 0 });
      expect(await names(table)).toEqual({});
      await put('a', { name: 'again' });
      await one.flush();
      expect(await names(table)).toEqual({ a: 'again' });
    },
  );

  test('of an old deletion that comes back leaves the newer row, and no trace', async () => {
    const one = flusher(items);
    await put('a', undefined);
    const partitions = [dirty.partitionOf('a')];
    const { version } = (await dirty.claim('shop', { partitions, most: 1, olderThanMs: 0 })).rows[0]!;
    await put('a', { name: 'newer' });
    await one.flush();
    await queue.client.hset(`test:{wb:shop#${dirty.partitionOf('a')}}:d`, 'a', `1${version}D001x`);
    expect(await one.flush()).toMatchObject({ flushed: 1, applied: 0 });
    expect(await names()).toEqual({ a: 'newer' });
    expect(await db.rows('select 1 from samovar.dirty_row')).toEqual([]);
  });

  test('keeps a row that is newer in the origin', async () => {
    await put('a', { name: 'mine' });
    await db.rows(`insert into item (id, name, ver) values ('a', 'newer', 9000000000000000)`);
    expect(await flusher(items).flush()).toMatchObject({ flushed: 1, applied: 0 });
    expect(await names()).toEqual({ a: 'newer' });
  });

  test('takes over rows that were there before it', async () => {
    await db.rows(`insert into item (id, name) values ('a', 'before')`);
    await put('a', { name: 'after' });
    expect(await flusher(items).flush()).toMatchObject({ applied: 1 });
    expect(await names()).toEqual({ a: 'after' });
  });

  test('that finds the value changed meanwhile leaves it dirty', async () => {
    await put('a', { name: 'old' });
    let isFirst = true;
    const one = flusher(items, {
      reached: async (point) => {
        if (point !== 'sql-sent' || !isFirst) return;
        isFirst = false;
        await put('a', { name: 'new' });
      },
    });
    await one.flush();
    await one.flush();
    expect(await names()).toEqual({ a: 'new' });
    expect(one.told('flush:wrote')[0]).toMatchObject({ rows: 1, overtaken: 1 });
    expect(await balance()).toBe(0);
  });
});

describe('a flusher that is interrupted', () => {
  test.each([
    'after-lease',
    'before-epoch',
    'after-claim',
    'sql-sent',
    'after-commit',
    'before-ack',
  ] as const)('at %s leaves everything for the next, and nothing takes effect twice', async (point) => {
    await Promise.all(['a', 'b', 'c'].map((key) => put(key, { name: key })));
    await put('a', undefined);
    const stop = new Error('killed');
    const dying = flusher(items, {
      leaseMs: 20,
      reached: (at) => {
        if (at === point) throw stop;
      },
    });
    await dying.flush();
    const heir = other.flusher(items);
    while ((await dirty.ledger('shop')).pending > 0) await heir.flush();
    expect(await names()).toEqual({ b: 'b', c: 'c' });
    const twice = await db.rows('select id, ver from effect group by id, ver, op having count(*) > 1');
    expect(twice).toEqual([]);
    expect(await balance()).toBe(0);
  });

  test('and wakes after another took over writes nothing', async () => {
    await put('a', { name: 'old' });
    let heir: ReturnType<typeof flusher> | undefined;
    const sleeper = flusher(items, {
      leaseMs: 60_000,
      reached: async (point) => {
        if (point !== 'after-claim' || heir) return;
        // While it sleeps its lease is over, and the heir writes a newer value.
        await queue.client.del(`test:{wb:shop#${dirty.partitionOf('a')}}:l`);
        await put('a', { name: 'new' });
        heir = other.flusher(items);
        await heir.flush();
        await db.rows('delete from item; truncate samovar.dirty_row');
      },
    });
    const report = await sleeper.flush();
    expect(report.flushed).toBe(0);
    expect(sleeper.told('flush:fenced')).toEqual([{ cache: 'shop', partitions: 1 }]);
    expect(await names()).toEqual({});
  });
});

test('what is under way is written under the grants it left with, whatever was granted since', async () => {
  const left: Epochs[] = [];
  const target: Target = {
    async write({ rows, epochs }) {
      left.push(epochs!);
      return { held: rows, applied: rows.length };
    },
    forget() {},
  };
  const one = flusher(target);
  await put('a', 1);
  await one.flush();
  await one.close();
  expect(left.map((epochs) => epochs.get(dirty.partitionOf('a')))).toEqual([1]);
});

test('a buffer that lost its newest writes is told apart from a row that is sent twice', async () => {
  await put('a', { name: 'old' });
  await put('b', { name: 'same' });
  const lost = await queue.client.hgetall(`test:{wb:shop#${dirty.partitionOf('a')}}:d`);
  await put('a', { name: 'new' });
  const one = flusher(items);
  await one.flush();
  // As it was before: the last write and its flush are forgotten.
  for (const [key, entry] of Object.entries(lost)) {
    await queue.client.hset(`test:{wb:shop#${dirty.partitionOf(key)}}:d`, key, entry);
    await queue.client.zadd(`test:{wb:shop#${dirty.partitionOf(key)}}:z`, 1, key);
  }
  await one.flush();
  expect(one.told('flush:conflict')).toEqual([{ cache: 'shop', rows: 1 }]);
  expect((await names())['a']).toBe('new');
  expect((await dirty.ledger('shop')).pending).toBe(0);
});

describe('what another version wrote in a form of its own', () => {
  test('is passed over, told and kept, however much of it there is, and newer writes reach the origin', async () => {
    const at = dirty.partitionOf('a');
    const near = Array.from({ length: 2_000 }, (_, i) => `n${i}`).filter(
      (key) => dirty.partitionOf(key) === at,
    );
    const [foreign, own] = [near.slice(0, 12), near.slice(12, 20)];
    for (const key of foreign) {
      await put(key, { name: key });
      await queue.client.hset(`test:{wb:shop#${at}}:d`, key, '2 in a form of its own');
    }
    for (const key of own) await put(key, { name: key });
    const one = flusher(items, { batch: 5 });
    expect(await one.flush()).toMatchObject({ flushed: own.length, unreadable: foreign.length, dead: 0 });
    expect(one.told('flush:unreadable').length).toBeGreaterThan(0);
    expect(Object.keys(await names()).sort()).toEqual([...own].sort());
    expect(await dirty.ledger('shop')).toMatchObject({ pending: foreign.length, difference: 0 });
    // It is dirty: what the origin has is not what was acknowledged.
    expect((await dirty.read('shop', [foreign[0]!]))[0]?.form).toBeDefined();
    expect(await dirty.add('shop', { key: foreign[0]!, by: 1, operation: 'x' })).toEqual({
      kind: 'overtaken',
    });
    // Whoever writes it anew makes it readable.
    await put(foreign[0]!, { name: 'anew' });
    await one.close();
    await flusher(items).flush();
    expect((await names())[foreign[0]!]).toBe('anew');
  });
});

describe('a table', () => {
  test('that changes under way is left alone until it is mended, and no row is put aside', async () => {
    await put('a', { name: 'a' });
    let now = 0;
    const clock = { ...(await import('../../src/clock.ts')).systemClock, elapsed: () => now };
    const one = flusher(items, { clock });
    await db.rows('alter table item rename column price to cost');
    expect(await one.flush()).toMatchObject({ stopped: 'paused', dead: 0 });
    expect(one.isPaused).toBe(true);
    expect(await one.flush()).toMatchObject({ stopped: 'paused', statements: 0 });
    await db.rows('alter table item rename column cost to price');
    now += 10_000;
    expect(await one.flush()).toMatchObject({ flushed: 1 });
    expect([one.isPaused, one.told('flush:resumed')]).toEqual([false, [{ cache: 'shop' }]]);
    expect(await names()).toEqual({ a: 'a' });
  });

  test.each([
    ['is not there', 'select 1', { table: 'nowhere' }, /no such table/],
    ['lacks a column', 'select 1', { columns: ['nothing'] }, /no column nothing/],
    [
      'has no key',
      'create table loose (id text, name text, ver bigint)',
      { table: 'loose' },
      /no primary key/,
    ],
    [
      'is unlogged',
      'create unlogged table fast (id text primary key, name text, ver bigint)',
      { table: 'fast' },
      /unlogged/,
    ],
    [
      'has a version of another type',
      'create table odd (id text primary key, name text, ver int)',
      { table: 'odd' },
      /must be bigint/,
    ],
  ])('that %s is refused by name', async (_, sql, change, message) => {
    await db.rows(sql);
    await put('a', { name: 'a' });
    const one = flusher(upsert({ table: 'item', id: 'id', columns: ['name'], version: 'ver', ...change }));
    expect(await one.flush()).toMatchObject({ stopped: 'paused', dead: 0 });
    expect(one.told('flush:paused')[0]!.message).toMatch(message);
    expect(await dirty.ledger('shop')).toMatchObject({ pending: 1, dead: 0 });
  });
});

test('a server that is away is nobody’s fault: it is tried again, and nothing is put aside', async () => {
  await put('a', { name: 'a' });
  let now = 0;
  const clock = { ...(await import('../../src/clock.ts')).systemClock, elapsed: () => now };
  const one = flusher(
    {
      async write() {
        await db.pool.query('select pg_terminate_backend(pg_backend_pid())');
        throw new Error('never reached');
      },
      forget() {},
    },
    { clock },
  );
  expect(await one.flush()).toMatchObject({ stopped: 'backing-off', dead: 0 });
  expect(one.told('flush:failed')[0]).toMatchObject({ code: '57P01' });
  expect(await one.flush()).toMatchObject({ stopped: 'backing-off', statements: 0 });
  now += 60_000;
  expect(await one.flush()).toMatchObject({ stopped: 'backing-off', statements: 1 });
  expect(await dirty.ledger('shop')).toMatchObject({ pending: 1, dead: 0, difference: 0 });
});
