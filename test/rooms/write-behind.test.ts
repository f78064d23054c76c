import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { builtinJobs } from '../../jobs/index.ts';
import { createClient } from '../../src/client.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { createLog } from '../../src/log.ts';
import { createSamovar } from '../../src/samovar.ts';
import { upsert } from '../../src/upsert.ts';
import { database, redis, until } from '../support/index.ts';

const db = await database();
const cache = await redis('cache');
const queue = await redis('queue');
await db.rows(`
  create table item (id int primary key, name text not null check (name <> 'refused'), price int not null default 5, ver bigint);
  create table count (id text primary key, n float8 not null, ver bigint);
`);

interface Item {
  name: string;
  price?: number;
}
const origin = defineOrigin('shop');
const loads: number[][] = [];
const load = async (ids: number[]) => {
  loads.push(ids);
  const rows = await db.rows<Item & { id: number }>('select id, name, price from item where id = any($1)', [
    ids,
  ]);
  return new Map(rows.map(({ id, ...item }) => [id, item]));
};
const base = { origin, key: key.number, load, ttl: '1h' } as const;
const write = upsert<number, Item>({ table: 'item', id: 'id', columns: ['name', 'price'], version: 'ver' });
const items = defineCache('items', { ...base, write, writeBehind: { delay: '1h' } });
const quick = defineCache('quick', { ...base, write, writeBehind: { delay: 0 } });
const tiny = defineCache('tiny', {
  ...base,
  write,
  writeBehind: { delay: '1h', maxDirty: 1, whenFull: 'reject' },
});
const patient = defineCache('patient', {
  ...base,
  write,
  writeBehind: { delay: '1h', maxDirty: 1, whenFull: 'block', blockFor: '5s' },
});
const direct = defineCache('direct', {
  ...base,
  write,
  writeBehind: { delay: '1h', maxDirty: 1, whenFull: 'write-through' },
});
const joined = defineCache('joined', {
  ...base,
  write,
  writeBehind: {
    delay: '1h',
    merge: (present: Item | undefined, written: Item) => ({ ...present, ...written }),
  },
});
const counts = defineCache('counts', {
  origin,
  key: key.string,
  load: async (ids: string[]) => {
    const rows = await db.rows<{ id: string; n: number }>('select id, n from count where id = any($1)', [
      ids,
    ]);
    return new Map(rows.map(({ id, n }) => [id, n]));
  },
  ttl: '1h',
  write: upsert<string, number>({
    table: 'count',
    id: 'id',
    columns: { n: (value) => value },
    version: 'ver',
  }),
  writeBehind: { delay: '1h' },
});
const through = defineCache('through', { ...base, write, mode: 'write-through' });
const kept = defineCache('kept', { ...base, write, mode: 'write-through', memory: { maxBytes: 100_000 } });
const around = defineCache('around', { ...base, write, mode: 'write-around' });
const config = defineConfig({
  redis: cache.url,
  queueRedis: queue.url,
  postgres: db.url,
  caches: [items, quick, tiny, patient, direct, joined, counts, through, kept, around],
  jobs: [...builtinJobs],
  http: { port: 0 },
});
const log = createLog({ level: 'silent' });
const samovar = await createSamovar(config, { log });
const app = await createClient(config, { log });
afterAll(async () => {
  await app.stop();
  await samovar.stop();
});

beforeEach(async () => {
  loads.length = 0;
  await Promise.all([cache.flush(), queue.flush(), db.rows('truncate item, count, samovar.dirty_row')]);
});
const rows = () => db.rows('select id, name, price from item order by id');
const flushed = async (name: string) => {
  await samovar.writes.flush(name);
  return samovar.writes.ledger(name);
};

describe('a buffered write', () => {
  test('is read back at once, by all, though the origin has not heard of it', async () => {
    await db.rows(`insert into item (id, name) values (1, 'old')`);
    expect(await samovar.cache(items).get(1)).toEqual({ name: 'old', price: 5 });
    await app.cache(items).set(1, { name: 'new', price: 7 });
    loads.length = 0;
    expect(await app.cache(items).get(1)).toEqual({ name: 'new', price: 7 });
    expect(await samovar.cache(items).get(1)).toEqual({ name: 'new', price: 7 });
    expect(loads).toEqual([]);
    expect(await rows()).toEqual([{ id: 1, name: 'old', price: 5 }]);
  });

  test('survives the cache, and is what a warm or a load finds', async () => {
    await app.cache(items).set(1, { name: 'new', price: 7 });
    await cache.flush();
    expect(await samovar.cache(items).get(1)).toEqual({ name: 'new', price: 7 });
    expect(loads).toEqual([]);
  });

  test('reaches the origin, and what that made of it is read', async () => {
    const both = samovar.cache(items);
    await both.set(1, { name: 'a', price: 1 });
    await both.set(1, { name: 'b', price: 2 });
    expect(await flushed('items')).toMatchObject({
      accepted: 2,
      coalesced: 1,
      flushed: 1,
      pending: 0,
      difference: 0,
    });
    expect(await rows()).toEqual([{ id: 1, name: 'b', price: 2 }]);
    await both.get(1);
    expect(loads).toEqual([[1]]);
    expect(await queue.client.keys('*:{wb:items#*}:l')).toEqual([]);
  });

  test('deletes, and what was deleted is missing before the origin knows', async () => {
    await db.rows(`insert into item (id, name) values (1, 'old')`);
    await samovar.cache(items).delete(1);
    expect(await app.cache(items).get(1)).toBeUndefined();
    expect(loads).toEqual([]);
    await flushed('items');
    expect(await rows()).toEqual([]);
    expect(await app.cache(items).get(1)).toBeUndefined();
  });

  test('of many is one call', async () => {
    await app
      .cache(items)
      .setMany(new Map(Array.from({ length: 100 }, (_, i) => [i, { name: `n${i}`, price: i }])));
    expect(await app.cache(items).getMany([3, 99, 1_000])).toEqual(
      new Map([
        [3, { name: 'n3', price: 3 }],
        [99, { name: 'n99', price: 99 }],
      ]),
    );
    expect(await flushed('items')).toMatchObject({ flushed: 100, difference: 0 });
  });

  test('that comes while a value is loaded is not written over by it', async () => {
    await db.rows(`insert into item (id, name) values (1, 'old')`);
    for (let i = 0; i < 20; i++) {
      await cache.flush();
      const reading = app.cache(items).get(1);
      await samovar.cache(items).set(1, { name: `n${i}`, price: 1 });
      await reading;
      expect(await app.cache(items).get(1)).toEqual({ name: `n${i}`, price: 1 });
    }
  });

  test.each<[string, unknown, string]>([
    ['holds a NUL character', { name: 'a\0b' }, 'E_ENCODE'],
    ['holds a number that is none', { name: 'a', price: Number.NaN }, 'E_ENCODE'],
    ['has a field that no column holds', { nmae: 'a' }, 'E_ENCODE'],
    ['is nothing', undefined, 'E_ENCODE'],
    ['is longer than allowed', { name: 'x'.repeat(1_100_000) }, 'E_ENCODE'],
  ])('that %s is refused before it is taken', async (_, value, code) => {
    await expect(app.cache(items).set(1, value as Item)).rejects.toMatchObject({ code });
    expect((await samovar.writes.ledger('items')).accepted).toBe(0);
  });
});

describe('a buffered write that is asked for again', () => {
  const mine = { operation: 'mine' };
  const both = new Map([1, 2].map((id) => [id, { name: 'old', price: id }]));

  test.each<[string, () => Promise<unknown>]>([
    ['one', () => app.cache(items).set(1, { name: 'old' }, mine)],
    ['many', () => app.cache(items).setMany(both, mine)],
    ['a deletion', () => app.cache(items).delete(1, mine)],
    ['deletions', () => app.cache(items).delete([1, 2], mine)],
    ['a change', () => app.cache(items).update(1, () => ({ name: 'old' }), mine)],
  ])('counts once: %s', async (_, ask) => {
    await ask();
    await flushed('items');
    await app.cache(items).set(1, { name: 'new', price: 1 });
    await ask();
    await flushed('items');
    await ask();
    expect(await flushed('items')).toMatchObject({ pending: 0, difference: 0 });
    expect(await app.cache(items).get(1)).toEqual({ name: 'new', price: 1 });
    expect((await rows())[0]).toEqual({ id: 1, name: 'new', price: 1 });
  });

  test('changed in place, is what it is now', async () => {
    const more = () =>
      app.cache(items).update(1, (item) => ({ name: 'a', price: (item?.price ?? 0) + 1 }), mine);
    expect(await more()).toEqual({ name: 'a', price: 1 });
    await samovar.cache(items).set(1, { name: 'b', price: 7 });
    expect(await more()).toEqual({ name: 'b', price: 7 });
  });

  test('is merged once', async () => {
    const part = () => app.cache(joined).set(1, { name: 'b' }, mine);
    await part();
    await samovar.cache(joined).set(1, { name: 'c', price: 3 });
    await part();
    expect(await samovar.cache(joined).get(1)).toEqual({ name: 'c', price: 3 });
  });

  test('is refused under a name that cannot be one', async () => {
    const named = { operation: 'a b' };
    await expect(app.cache(items).set(1, { name: 'a' }, named)).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(app.cache(items).delete([1, 2], named)).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

describe('values changed in place', () => {
  test('are changed by all who change them at once', async () => {
    await db.rows(`insert into item (id, name, price) values (1, 'a', 0)`);
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? samovar : app)
          .cache(items)
          .update(1, (present) => ({ name: 'a', price: (present?.price ?? 0) + 1 })),
      ),
    );
    expect(await app.cache(items).get(1)).toEqual({ name: 'a', price: 20 });
  });

  test('are counted exactly, over flushes', async () => {
    await db.rows(`insert into count (id, n) values ('a', 100)`);
    for (let round = 1; round <= 3; round++) {
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? samovar : app).cache(counts).increment('a')),
      );
      expect(await app.cache(counts).get('a')).toBe(100 + round * 20);
      expect(await flushed('counts')).toMatchObject({ pending: 0, difference: 0 });
      expect(await db.rows('select n from count')).toEqual([{ n: 100 + round * 20 }]);
    }
    expect(await app.cache(counts).increment('new', 2.5)).toBe(2.5);
    const again = { operation: 'once' };
    expect(await app.cache(counts).increment('new', 1, again)).toBe(3.5);
    expect(await app.cache(counts).increment('new', 1, again)).toBe(3.5);
    await flushed('counts');
    expect(await app.cache(counts).increment('new', 1, again)).toBe(3.5);
  });

  test('are merged where the cache says how', async () => {
    await db.rows(`insert into item (id, name, price) values (1, 'a', 9)`);
    await app.cache(joined).set(1, { name: 'b' });
    expect(await samovar.cache(joined).get(1)).toEqual({ name: 'b', price: 9 });
  });

  test('need a buffer', async () => {
    await expect(app.cache(through).increment(1)).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

describe('a full buffer', () => {
  const near = (own: number) => {
    const of = (id: number) => samovar.writes.partitionOf(String(id));
    return Array.from({ length: 10_000 }, (_, i) => own + 1 + i).find((id) => of(id) === of(own))!;
  };

  test('refuses what is not waiting yet', async () => {
    await app.cache(tiny).set(1, { name: 'a' });
    await expect(app.cache(tiny).set(near(1), { name: 'b' })).rejects.toMatchObject({ code: 'E_DIRTY_FULL' });
    await app.cache(tiny).set(1, { name: 'c' });
  });

  test('holds its writers up until there is room', async () => {
    await app.cache(patient).set(1, { name: 'a', price: 1 });
    const waiting = app.cache(patient).set(near(1), { name: 'b', price: 1 });
    await flushed('patient');
    await waiting;
    expect(await samovar.writes.ledger('patient')).toMatchObject({ accepted: 2, difference: 0 });
    expect((await samovar.writes.ledger('patient')).flushed).toBeGreaterThan(0);
  });

  test('lets them write to the origin themselves', async () => {
    await samovar.cache(direct).set(1, { name: 'a' });
    await samovar.cache(direct).set(near(1), { name: 'b', price: 3 });
    expect(await rows()).toEqual([{ id: near(1), name: 'b', price: 3 }]);
    expect(await samovar.cache(direct).get(near(1))).toEqual({ name: 'b', price: 3 });
  });
});

describe('without a buffer', () => {
  test('a write goes through to the origin, and is stored', async () => {
    await samovar.cache(through).set(1, { name: 'a', price: 2 });
    expect(await rows()).toEqual([{ id: 1, name: 'a', price: 2 }]);
    expect(await app.cache(through).get(1)).toEqual({ name: 'a', price: 2 });
    expect(loads).toEqual([]);
    await samovar.cache(through).delete(1);
    expect(await rows()).toEqual([]);
    expect(await app.cache(through).get(1)).toBeUndefined();
  });

  test('who writes through reads what he wrote, also where the older value was in his memory', async () => {
    await samovar.cache(kept).set(1, { name: 'old', price: 1 });
    const inMemory = () => samovar.cache(kept).stats().tiers.memory!.hits;
    await until(async () => {
      await samovar.cache(kept).get(1);
      return inMemory() > 0;
    }, 'it is in memory');
    await samovar.cache(kept).set(1, { name: 'new', price: 1 });
    expect(await samovar.cache(kept).get(1)).toEqual({ name: 'new', price: 1 });
  });

  test('a write goes around the cache, and the next read loads', async () => {
    await samovar.cache(around).set(1, { name: 'a', price: 2 });
    expect(await app.cache(around).get(1)).toEqual({ name: 'a', price: 2 });
    expect(loads).toEqual([[1]]);
  });

  test('one that the origin refuses leaves nothing behind', async () => {
    await expect(samovar.cache(through).set(1, { name: 'refused', price: 1 })).rejects.toMatchObject({
      code: 'E_WRITE_FAILED',
    });
    expect(await app.cache(through).get(1)).toBeUndefined();
  });

  test('a process without Postgres says so', async () => {
    await expect(app.cache(through).set(1, { name: 'a' })).rejects.toMatchObject({ code: 'E_USAGE' });
  });
});

describe('a worker', () => {
  test('flushes what is due without any job, and all when it stops', async () => {
    const working = await samovar.work({ only: ['flush'], http: false });
    await app.cache(quick).set(1, { name: 'a', price: 1 });
    await until(async () => (await rows()).length === 1, 'the write has reached the origin');
    await app.cache(items).set(2, { name: 'b', price: 2 });
    await working.stop();
    expect(await rows()).toHaveLength(2);
    expect(await samovar.writes.ledger('items')).toMatchObject({ pending: 0, difference: 0 });
  });

  test('works a flush job', async () => {
    const working = await samovar.work({ only: ['flush'], http: false });
    await app.cache(items).set(3, { name: 'c', price: 1 });
    const { flush } = await import('../../jobs/index.ts');
    await samovar.enqueue(flush, { cache: 'items', all: true });
    await until(async () => (await rows()).length === 1, 'the write has reached the origin');
    await working.stop();
  });
});

test('what the origin refuses is told, tried again, or given up', async () => {
  await app.cache(items).set(1, { name: 'refused', price: 1 });
  await app.cache(items).set(2, { name: 'fine', price: 1 });
  expect(await flushed('items')).toMatchObject({ flushed: 1, dead: 1, difference: 0 });
  expect(await app.cache(items).get(1)).toBeUndefined();
  const [letter] = await samovar.writes.dead('items');
  expect(letter).toMatchObject({ key: '1', reason: { code: '23514', constraint: 'item_name_check' } });
  expect(letter).not.toHaveProperty('value');
  expect(await samovar.writes.show('items', '1')).toMatchObject({ value: { name: 'refused', price: 1 } });
  expect(await samovar.writes.retry('items', ['1'])).toBe(1);
  expect(await flushed('items')).toMatchObject({ dead: 1 });
  expect(await samovar.writes.drop('items')).toBe(1);
  expect(await samovar.writes.ledger('items')).toMatchObject({ dead: 0, dropped: 1, difference: 0 });
});
