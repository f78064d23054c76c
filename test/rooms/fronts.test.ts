import pg from 'pg';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { memoize, query } from '../../src/fronts/index.ts';
import { defineOrigin } from '../../src/index.ts';
import { database, redis, until } from '../support/index.ts';
import { counter } from './cache-counter.ts';

const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');
const db = await database({ migrated: false });
const origin = defineOrigin('shop');
const base = { origin, ttl: '1m' } as const;

const calls: unknown[][] = [];
let prices: (from: string, to: string, on?: Date) => unknown = (from, to) => ({ pair: `${from}${to}` });
const rates = memoize(
  'rates',
  async (from: string, to: string, on?: Date): Promise<unknown> => {
    calls.push([from, to, on]);
    return prices(from, to, on);
  },
  base,
);
const odd = memoize('odd', (fn: () => number) => fn(), base);

const orders = query(
  'orders',
  db.pool,
  'select id, customer, total from orders where customer = $1 order by id',
  {
    ...base,
    tables: ['orders'],
    params: (customer: string) => [customer],
    row: ({ id, total }: { id: number; customer: string; total: number }) => ({ id, total }),
  },
);
const sums = query('sums', db.pool, 'select sum(total)::int as sum from orders where total > $1', {
  ...base,
  tables: ['orders', 'customers'],
  prepare: false,
});
const faulty = query('faulty', db.pool, 'select 10 / $1::int as share', {
  ...base,
  params: (by: number) => [by],
});

const samovar = await createClient({
  redis: cacheRedis.url,
  queueRedis: queueRedis.url,
  commandTimeout: '10s',
  caches: [rates, odd, orders, sums, faulty],
  log: { level: 'silent' },
});
afterAll(() => samovar.stop());

const rateOf = samovar.callable(rates);
const ordersOf = samovar.callable(orders);
const stored = async () => (await cacheRedis.client.keys('sv:*:e:*')).length;
const allStored = (count: number) => until(async () => (await stored()) === count, `${count} are stored`);

await db.pool.query('create table orders (id int primary key, customer text not null, total int not null)');
beforeEach(async () => {
  await cacheRedis.flush();
  await db.pool.query(
    "truncate orders; insert into orders values (1, 'ann', 10), (2, 'bob', 20), (3, 'ann', 30)",
  );
  prices = (from, to) => ({ pair: `${from}${to}` });
  calls.length = 0;
});

describe('a memoized function', () => {
  test('is called once for the same arguments', async () => {
    expect(await rateOf('EUR', 'USD')).toEqual({ pair: 'EURUSD' });
    await allStored(1);
    expect(await rateOf('EUR', 'USD', undefined)).toEqual({ pair: 'EURUSD' });
    expect(await rateOf('EUR', 'CHF', new Date(0))).toEqual({ pair: 'EURCHF' });
    expect(calls).toEqual([
      ['EUR', 'USD', undefined],
      ['EUR', 'CHF', new Date(0)],
    ]);
  });

  test('gives back what it gave: null, dates, bytes, big numbers', async () => {
    for (const [i, value] of [
      null,
      new Date(7),
      Buffer.from('tea'),
      2n ** 70n,
      { at: new Date(0) },
    ].entries()) {
      prices = () => value;
      const first = await rateOf('EUR', `${i}`);
      await allStored(i + 1);
      expect([first, await rateOf('EUR', `${i}`)]).toEqual([value, value]);
    }
    expect(calls).toHaveLength(5);
  });

  test('is counted for the caller that it is opened for', async () => {
    await samovar.flushAccesses();
    await queueRedis.flush();
    await samovar.callable(rates, { caller: 'bot' })('EUR', 'SEK');
    await samovar.flushAccesses();
    const log = JSON.stringify(await queueRedis.client.xrange('sv:access', '-', '+'));
    expect(log).toContain('bot');
    expect(log).not.toContain('user');
  });

  test('is called once by many at the same moment', async () => {
    await Promise.all(Array.from({ length: 20 }, () => rateOf('EUR', 'NOK')));
    expect(calls).toHaveLength(1);
  });

  test('forgets what it is told to', async () => {
    await Promise.all([rateOf('EUR', 'USD'), rateOf('EUR', 'CHF')]);
    await allStored(2);
    await rateOf.invalidate('EUR', 'USD');
    await Promise.all([rateOf('EUR', 'USD'), rateOf('EUR', 'CHF')]);
    expect(calls).toHaveLength(3);
    await allStored(2);
    await rateOf.invalidateAll();
    await Promise.all([rateOf('EUR', 'USD'), rateOf('EUR', 'CHF')]);
    expect(calls).toHaveLength(5);
  });

  test('that gives nothing has given a result', async () => {
    prices = () => undefined;
    expect(await rateOf('EUR', 'XXX')).toBeUndefined();
    await allStored(1);
    expect(await rateOf('EUR', 'XXX')).toBeUndefined();
    expect(calls).toHaveLength(1);
    const [name] = await cacheRedis.client.keys('sv:*:e:*');
    expect(await cacheRedis.client.pttl(name!)).toBeGreaterThan(50_000);
  });

  test('that fails fails for its callers, alone, and is called again', async () => {
    prices = (_, to) => {
      if (to === 'XXX') throw new Error('no such currency');
      return to;
    };
    const settled = await samovar.cache(rates).getSettled([
      ['EUR', 'USD'],
      ['EUR', 'XXX'],
    ]);
    expect([...settled.values()].map(({ state }) => state)).toEqual(['value', 'error']);
    await expect(rateOf('EUR', 'XXX')).rejects.toMatchObject({
      code: 'E_LOAD_FAILED',
      message: '`caches.rates.load` failed: no such currency',
      cause: expect.objectContaining({ message: 'no such currency' }),
    });
    prices = () => 1;
    expect(await rateOf('EUR', 'XXX')).toBe(1);
  });

  test('is not called with what no key can name', async () => {
    await expect(samovar.callable(odd)(() => 1)).rejects.toMatchObject({
      code: 'E_KEY',
      message: "argument 1 of 'odd' is or holds a function, which no key can name",
    });
  });

  test('is not made of what is none', () => {
    expect(() => memoize('x', 7 as never, base)).toThrowError(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});

describe('a statement', () => {
  test('is sent once for the same values, by name', async () => {
    expect(await ordersOf('ann')).toEqual([
      { id: 1, total: 10 },
      { id: 3, total: 30 },
    ]);
    await allStored(1);
    await db.pool.query('delete from orders');
    expect(await ordersOf('ann')).toHaveLength(2);
    expect(await ordersOf('cem')).toEqual([]);
    await allStored(2);
    await db.pool.query("insert into orders values (9, 'cem', 1)");
    expect(await ordersOf('cem')).toEqual([]);
  });

  test('is prepared once a connection, unless told not to', async () => {
    const pool = new pg.Pool({ connectionString: db.url, max: 1 });
    try {
      const of = (prepare: boolean) =>
        query('prepared', pool, 'select $1::int as id', { ...base, prepare, params: (id: number) => [id] });
      for (const id of [1, 2]) await of(true).load([[id]], { signal: AbortSignal.abort(), reason: 'miss' });
      await of(false).load([[3]], { signal: AbortSignal.abort(), reason: 'miss' });
      const { rows } = await pool.query('select name, statement from pg_prepared_statements');
      expect(rows).toEqual([
        { name: expect.stringMatching(/^sv_prepared_[\w-]{12}$/), statement: 'select $1::int as id' },
      ]);
    } finally {
      await pool.end();
    }
  });

  test('may be written in another way for one pool: each text has a name of its own', async () => {
    const pool = new pg.Pool({ connectionString: db.url, max: 1 });
    try {
      const texts = ['select $1::int as id', 'select  $1::int as id -- by its id'];
      for (const sql of texts)
        expect(
          await query('twice', pool, sql, base).load([[7]], { signal: AbortSignal.abort(), reason: 'miss' }),
        ).toEqual(new Map([[[7], [{ id: 7 }]]]));
      const { rows } = await pool.query('select statement from pg_prepared_statements order by 1');
      expect(rows.map(({ statement }) => statement).sort()).toEqual(texts.toSorted());
    } finally {
      await pool.end();
    }
  });

  test('is forgotten with any of its tables', async () => {
    const sumOf = samovar.callable(sums);
    expect([await sumOf(5), (await ordersOf('bob')).length]).toEqual([[{ sum: 60 }], 1]);
    await allStored(2);
    await db.pool.query("insert into orders values (4, 'bob', 40)");
    await samovar.invalidate({ tags: ['table:customers'] });
    expect([await sumOf(5), (await ordersOf('bob')).length]).toEqual([[{ sum: 100 }], 1]);
    await samovar.invalidate({ tags: ['table:orders'] });
    expect((await ordersOf('bob')).length).toBe(2);
    await ordersOf.invalidate('bob');
    await sumOf.invalidateAll();
    await db.pool.query('delete from orders');
    expect([await sumOf(5), await ordersOf('bob')]).toEqual([[{ sum: null }], []]);
  });

  test('that fails fails alone', async () => {
    const settled = await samovar.cache(faulty).getSettled([[5], [0], [2]]);
    expect([...settled.values()]).toEqual([
      { state: 'value', value: [{ share: 2 }] },
      {
        state: 'error',
        error: expect.objectContaining({ message: '`caches.faulty.load` failed: division by zero' }),
      },
      { state: 'value', value: [{ share: 5 }] },
    ]);
  });

  test('has other keys when it means something else, and the same when it does not', () => {
    const keyOf = (sql: string) => query('q', db.pool, sql, base).key;
    const [old, same, other] = ['select  1 -- one', 'select 1;', 'select 2'].map(keyOf);
    const text = old!.encode([1]);
    expect(same!.encode([1])).toBe(text);
    expect(same!.decode(text)).toEqual([1]);
    expect(other!.encode([1])).not.toBe(text);
    expect(() => other!.decode(text)).toThrowError(expect.objectContaining({ code: 'E_KEY' }));
  });

  test('needs a pool and a text', () => {
    for (const make of [
      () => query('q', {} as never, 'select 1', base),
      () => query('q', db.pool, ' -- \n', base),
    ])
      expect(make).toThrowError(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});

describe('a worker', () => {
  test('warms both by their keys', async () => {
    const worker = await counter([rates, orders]);
    const fill = (cache: string, keys: readonly string[]) =>
      worker.caches.fill(cache, { keys, reason: 'warm', signal: new AbortController().signal });
    const wanted = [
      ['EUR', 'USD'],
      ['EUR', 'CHF', new Date(7)],
    ] as const;
    const { results } = await fill(
      'rates',
      wanted.map((args) => rates.key.encode([...args])),
    );
    expect(results).toEqual(['written', 'written']);
    expect(calls.map((args) => args.slice(0, 2))).toEqual([
      ['EUR', 'USD'],
      ['EUR', 'CHF'],
    ]);
    expect((calls[1] as [string, string, Date])[2]).toEqual(new Date(7));
    const opened = worker.caches.open(rates);
    expect(await opened.get(['EUR', 'CHF', new Date(7)])).toEqual({ pair: 'EURCHF' });
    expect(calls).toHaveLength(2);
    const bob = orders.key.encode(['bob']);
    expect((await fill('orders', [bob])).results).toEqual(['written']);
    await db.pool.query('delete from orders');
    expect(await worker.caches.open(orders).get(['bob'])).toEqual([{ id: 2, total: 20 }]);
  });
});
