import { describe, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import type { Status } from '../../src/facade.ts';
import { key } from '../../src/key.ts';
import { upsert } from '../../src/upsert.ts';
import { database, redis } from '../support/index.ts';
import { place } from './command.ts';

const db = await database();
const [cache, queue] = [await redis('cache'), await redis('queue')];
await db.rows("create table item (id int primary key, name text check (name <> 'refused'), ver bigint)");

const shop = place({
  REDIS_URL: cache.url,
  QUEUE_REDIS_URL: queue.url,
  DATABASE_URL: db.url,
  PORT: '0',
});
shop.write(
  'samovar.config.ts',
  `
import { defineCache, defineConfig, defineOrigin, key, upsert } from 'samovar';
import { builtinJobs } from 'samovar/jobs';

const options = { origin: defineOrigin('db', { budget: { perSecond: 10 } }), key: key.number, ttl: '10m', load: async () => new Map<number, { name: string }>() } as const;
export const items = defineCache('items', {
  ...options,
  write: upsert({ table: 'item', id: 'id', columns: ['name'], version: 'ver' }),
  writeBehind: { delay: '1h' },
});
export const plain = defineCache('plain', options);
export default defineConfig({ caches: [items, plain], jobs: [...builtinJobs] });
`,
);
describe('buffered writes, by commands alone', { timeout: 300_000 }, () => {
  test('are seen, flushed, refused, tried again and given up', async () => {
    const items = defineCache('items', {
      origin: defineOrigin('db'),
      key: key.number,
      ttl: '10m',
      load: async () => new Map<number, { name: string }>(),
      write: upsert({ table: 'item', id: 'id', columns: ['name'], version: 'ver' }),
      writeBehind: { delay: '1h' },
    });
    const app = await createClient(
      defineConfig({ redis: cache.url, queueRedis: queue.url, caches: [items] }),
    );
    await app.cache(items).setMany(
      new Map([
        [1, { name: 'refused' }],
        [2, { name: 'a' }],
        [3, { name: 'b' }],
      ]),
    );
    await app.stop();

    const flushed = await shop.run('flush', 'items', '--wait');
    expect(flushed.code).toBe(4);
    expect(await db.rows('select id, name from item order by id')).toEqual([
      { id: 2, name: 'a' },
      { id: 3, name: 'b' },
    ]);

    const [letter] = await shop.json<{ key: string; value?: unknown }[]>('dlq');
    expect(letter).toMatchObject({ cache: 'items', key: '1', reason: { code: '23514' } });
    expect(letter).not.toHaveProperty('value');
    expect(await shop.json('dlq', 'show', 'items', '1')).toMatchObject({ value: { name: 'refused' } });

    await db.rows('alter table item drop constraint item_name_check');
    expect(await shop.json('dlq', 'retry', 'items', '1')).toMatchObject({ retry: 1 });
    expect((await shop.run('flush')).code).toBe(0);
    expect(await db.rows('select count(*)::int as n from item')).toEqual([{ n: 3 }]);
    const { caches } = await shop.json<Status>('status');
    expect(caches[0]!.dirty).toMatchObject({ accepted: 3, flushed: 3, pending: 0, dead: 0, difference: 0 });
  });

  test('are told apart from what is not buffered', async () => {
    for (const args of [
      ['flush', 'plain'],
      ['dlq', 'list', 'plain'],
      ['dlq', 'retry', 'items'],
    ]) {
      const { code, err } = await shop.run(...args);
      expect([code, err]).toEqual([2, expect.stringMatching(/buffer|keys or --all/)]);
    }
  });
});
