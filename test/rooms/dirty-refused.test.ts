import { beforeEach, describe, expect, test } from 'vitest';
import { upsert } from '../../src/upsert.ts';
import { database, fakeClock, redis } from '../support/index.ts';
import { buffer } from './dirty-parts.ts';

const db = await database();
const queue = await redis('queue');
const { dirty, put, flusher } = buffer(queue.url, db.pool);

await db.rows(
  `create table item (id text primary key, name text not null check (name <> 'refused'), price int, ver bigint)`,
);
const items = upsert({ table: 'item', id: 'id', columns: ['name', 'price'], version: 'ver' });

beforeEach(async () => {
  await queue.flush();
  await db.rows('truncate item, samovar.dirty_row, samovar.dirty_partition');
});
const names = async () =>
  Object.fromEntries(
    (await db.rows<{ id: string; name: string }>('select id, name from item order by id')).map(
      ({ id, name }) => [id, name],
    ),
  );
const balance = async () => (await dirty.ledger('shop')).difference;

describe('what the origin refuses', () => {
  test.each([
    ['a NUL byte', { name: 'x\u0000y' }, '22021'],
    ['a broken constraint', { name: 'refused' }, '23514'],
    ['a number that is none', { name: 'a', price: 'many' }, '22P02'],
    ['a missing field', { price: 1 }, '23502'],
  ])('for %s is found, put aside with its reason, and the rest is written', async (_, bad, code) => {
    await Promise.all(Array.from({ length: 300 }, (_, i) => put(`k${i}`, { name: `n${i}` })));
    await put('bad', bad);
    const one = flusher(items);
    const report = await one.flush();
    expect(report).toMatchObject({ flushed: 300, dead: 1 });
    expect(report.statements).toBeLessThanOrEqual(40);
    const [letter] = await dirty.letters('shop', { most: 10 });
    expect(letter).toMatchObject({ key: 'bad', reason: { code } });
    expect(letter!.reason.message).not.toContain('many');
    expect(await balance()).toBe(0);
  });

  test('costs the database so many statements a minute at most; what they do not find stays dirty until the next', async () => {
    const good = Array.from({ length: 100 }, (_, i) => put(`k${i}`, { name: `n${i}` }));
    const bad = Array.from({ length: 20 }, (_, i) => put(`bad${i}`, { name: 'refused' }));
    await Promise.all([...good, ...bad]);
    const clock = fakeClock();
    const one = flusher(items, { clock, lanes: 1, mostSearches: 12 });
    const first = await one.flush();
    expect(first.stopped).toBe('stuck');
    expect(first.statements).toBeLessThanOrEqual(1 + 2 * 12);
    expect(one.told('flush:held').length).toBeGreaterThan(0);
    expect(await dirty.ledger('shop')).toMatchObject({ difference: 0 });
    await clock.advance(10_000);
    const { dead, statements } = await one.flush();
    expect([dead, statements]).toEqual([0, 1]);
    let minutes = 0;
    while ((await dirty.ledger('shop')).pending > 0 && minutes++ < 30) {
      await clock.advance(60_000);
      await one.flush();
    }
    expect(Object.keys(await names())).toHaveLength(100);
    expect(await dirty.ledger('shop')).toMatchObject({ pending: 0, dead: 20, difference: 0 });
    expect(minutes).toBeGreaterThan(2);
  });

  test('stays dirty when there is no room for it, and is never dropped', async () => {
    const mine = dirty.partitionOf('bad');
    const near = Array.from({ length: 500 }, (_, i) => `b${i}`).filter(
      (key) => dirty.partitionOf(key) === mine,
    )[0]!;
    await put('bad', { name: 'refused' });
    await put(near, { name: 'refused' });
    const one = flusher(items, { mostDead: 1 });
    expect(await one.flush()).toMatchObject({ dead: 1, stopped: 'stuck' });
    expect(one.told('flush:dead-full')).toHaveLength(1);
    expect(await dirty.ledger('shop')).toMatchObject({ pending: 1, dead: 1, difference: 0 });
  });

  test('can be tried again when the table has been mended', async () => {
    await put('a', { name: 'refused' });
    const one = flusher(items);
    await one.flush();
    await db.rows('alter table item drop constraint item_name_check');
    expect(await dirty.retry('shop', ['a'])).toBe(1);
    await one.flush();
    expect(await names()).toEqual({ a: 'refused' });
    await db.rows(
      `delete from item; alter table item add constraint item_name_check check (name <> 'refused')`,
    );
  });
});
