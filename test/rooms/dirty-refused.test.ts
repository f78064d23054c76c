import { beforeEach, describe, expect, test } from 'vitest';
import type { Target } from '../../src/dirty/target.ts';
import { SamovarError } from '../../src/errors.ts';
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

  test('costs the database so many statements a minute at most; beyond that only its own partitions wait', async () => {
    const good = Array.from({ length: 200 }, (_, i) => `k${i}`);
    const bad = Array.from({ length: 20 }, (_, i) => `bad${i}`);
    await Promise.all(good.map((key) => put(key, { name: key })));
    await Promise.all(bad.map((key) => put(key, { name: 'refused' })));
    const poisoned = new Set(bad.map((key) => dirty.partitionOf(key)));
    const clock = fakeClock();
    const one = flusher(items, { clock, lanes: 1, mostSearches: 40 });
    const first = await one.flush();
    expect(first.stopped).toBe('stuck');
    expect(first.dead).toBeLessThan(bad.length);
    expect(first.statements).toBeLessThanOrEqual(1 + 40 + 2 * dirty.partitions);
    expect(one.told('flush:unsearched').length).toBeGreaterThan(0);
    expect(Object.keys(await names())).toEqual(
      expect.arrayContaining(good.filter((key) => !poisoned.has(dirty.partitionOf(key)))),
    );
    await clock.advance(1_000);
    await put(good.find((key) => !poisoned.has(dirty.partitionOf(key)))!, { name: 'newer' });
    expect(await one.flush()).toMatchObject({ flushed: 1, stopped: 'stuck' });
    let minutes = 0;
    while ((await dirty.ledger('shop')).pending > 0 && minutes++ < 60) {
      await clock.advance(60_000);
      await one.flush();
    }
    expect(Object.keys(await names())).toHaveLength(good.length);
    expect(await dirty.ledger('shop')).toMatchObject({ pending: 0, dead: bad.length, difference: 0 });
    expect(minutes).toBeGreaterThan(0);
  });

  test('that a writer names is put aside without looking', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => put(`k${i}`, { name: `n${i}` })));
    const refused = ['k3', 'k7'];
    const picky: Target = {
      async write({ rows }) {
        const ids = rows.map(({ id }) => id).filter((id) => refused.includes(String(id)));
        if (ids.length > 0) throw new SamovarError('E_REFUSED', 'not these', { ids });
        return { held: rows, applied: rows.length };
      },
      forget() {},
    };
    const one = flusher(picky, { lanes: 1, mostSearches: 0 });
    expect(await one.flush()).toMatchObject({ flushed: 48, dead: 2, statements: 2 });
  });

  test('and cannot be put aside either keeps its partition waiting, and no other', async () => {
    const mine = dirty.partitionOf('bad');
    const all = Array.from({ length: 2_000 }, (_, i) => `b${i}`);
    const near = all.filter((key) => dirty.partitionOf(key) === mine).slice(0, 10);
    const far = all.filter((key) => dirty.partitionOf(key) !== mine).slice(0, 100);
    await Promise.all(near.map((key) => put(key, { name: 'refused' })));
    await Promise.all(far.map((key) => put(key, { name: 'fine' })));
    const clock = fakeClock();
    const one = flusher(items, { clock, mostDead: 1, mostSearches: 200 });
    await one.flush();
    let statements = 0;
    for (let i = 0; i < 20; i++) {
      await clock.advance(500);
      statements += (await one.flush()).statements;
    }
    expect(Object.keys(await names())).toHaveLength(far.length);
    expect(await dirty.ledger('shop')).toMatchObject({ pending: 9, dead: 1, difference: 0 });
    // Ten seconds: looked at again twice.
    expect(statements).toBeLessThanOrEqual(2 * 20);
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
