import { beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { WriteContext } from '../../src/define.ts';
import { createFunctionTarget } from '../../src/dirty/postgres-function.ts';
import { refused } from '../../src/refused.ts';
import { database, redis } from '../support/index.ts';
import { buffer } from './dirty-parts.ts';

const db = await database();
const queue = await redis('queue');
const { dirty, put, flusher } = buffer(queue.url, db.pool);
await db.rows('create table item (id text primary key, name text, ver bigint)');

let write: (
  entries: ReadonlyMap<string, { name: string }>,
  context: WriteContext<string>,
) => Promise<unknown>;
const target = (timeoutMs = 5_000) =>
  createFunctionTarget(db.pool, {
    cache: 'shop',
    write: (entries, context) => write(entries, context),
    timeoutMs,
    clock: systemClock,
  });
beforeEach(async () => {
  await queue.flush();
  await db.rows('truncate item, samovar.dirty_partition');
  write = async (entries, { client, versions }) => {
    for (const [id, { name }] of entries)
      await client!.query('insert into item values ($1, $2, $3)', [id, name, versions!.get(id)]);
  };
});

test('a writer of the application gets values, deletions, versions and a transaction', async () => {
  await put('a', { name: 'a' });
  await put('b', undefined);
  let told: WriteContext<string> | undefined;
  const usual = write;
  write = (entries, context) => {
    told = context;
    return usual(entries, context);
  };
  expect(await flusher(target(), { lanes: 1 }).flush()).toMatchObject({ flushed: 2 });
  expect(await db.rows('select id, name from item')).toEqual([{ id: 'a', name: 'a' }]);
  expect(told!.deleted).toEqual(['b']);
  expect([...told!.versions!.keys()].sort()).toEqual(['a', 'b']);
  expect(told!.batch).toMatch(/^[\w-]{22}$/);
});

test('what it wrote goes back when it fails, and it is handed the same batch again', async () => {
  await put('a', { name: 'a' });
  const batches: (string | undefined)[] = [];
  const usual = write;
  write = async (entries, context) => {
    batches.push(context.batch);
    await usual(entries, context);
    if (batches.length === 1) throw new Error('the wire was cut');
  };
  let now = 0;
  const one = flusher(target(), { clock: { ...systemClock, elapsed: () => now } });
  expect(await one.flush()).toMatchObject({ flushed: 0, stopped: 'backing-off' });
  expect(await db.rows('select * from item')).toEqual([]);
  now += 10_000;
  expect(await one.flush()).toMatchObject({ flushed: 1 });
  expect(batches[0]).toBe(batches[1]);
  expect(await db.rows('select id from item')).toEqual([{ id: 'a' }]);
});

test('a row that it cannot write is found and put aside', async () => {
  await Promise.all(['a', 'b', 'c', 'd'].map((key) => put(key, { name: key })));
  await put('bad', { name: 'x\u0000' });
  expect(await flusher(target()).flush()).toMatchObject({ flushed: 4, dead: 1 });
  expect((await dirty.letters('shop', { most: 5 })).map(({ key }) => key)).toEqual(['bad']);
});

test('what it refuses by name is put aside with its words, and the rest is written without it', async () => {
  await Promise.all([...'abcdefgh'].map((key) => put(key, { name: key })));
  const usual = write;
  let calls = 0;
  write = async (entries, context) => {
    calls += 1;
    const bad = [...entries.keys()].filter((id) => 'bg'.includes(id));
    if (bad.length > 0) throw refused('such names are taken', bad);
    await usual(entries, context);
  };
  expect(await flusher(target(), { lanes: 1 }).flush()).toMatchObject({ flushed: 6, dead: 2 });
  expect(calls).toBe(2);
  const letters = await dirty.letters('shop', { most: 5 });
  expect(letters.map(({ key, reason }) => [key, reason.code, reason.message]).sort()).toEqual([
    ['b', 'E_REFUSED', 'such names are taken'],
    ['g', 'E_REFUSED', 'such names are taken'],
  ]);
  expect((await dirty.ledger('shop')).difference).toBe(0);
});

test('what it refuses without a name is found', async () => {
  await Promise.all([...'abcdefgh'].map((key) => put(key, { name: key })));
  const usual = write;
  write = async (entries, context) => {
    if (entries.has('e')) throw refused('one of them is not wanted');
    await usual(entries, context);
  };
  expect(await flusher(target()).flush()).toMatchObject({ flushed: 7, dead: 1 });
  expect((await dirty.letters('shop', { most: 5 })).map(({ key }) => key)).toEqual(['e']);
});

test('it is not waited for longer than its origin is given', async () => {
  await put('a', { name: 'a' });
  let signal: AbortSignal | undefined;
  write = (_, context) => {
    signal = context.signal;
    return new Promise(() => {});
  };
  expect(await flusher(target(50)).flush()).toMatchObject({ stopped: 'backing-off', dead: 0 });
  expect(signal!.aborted).toBe(true);
});
