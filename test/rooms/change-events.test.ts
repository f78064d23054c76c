import { afterAll, beforeEach, expect, test } from 'vitest';
import { invalidate } from '../../jobs/invalidate.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { createLog } from '../../src/log.ts';
import { createSamovar } from '../../src/samovar.ts';
import { database, redis, startProxy, until } from '../support/index.ts';

const db = await database();
const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');
const toQueue = await startProxy(queueRedis.url);
const products = defineCache('products', {
  origin: defineOrigin('shop'),
  key: key.number,
  ttl: '10m',
  tags: (id: number) => [`t${id % 3}`],
  load: (ids: number[]) => new Map(ids.map((id) => [id, { id }])),
  invalidateOn: { table: 'orders' },
});
const pairs = defineCache('pairs', {
  origin: defineOrigin('pairs'),
  key: key.custom<{ a: number }>({ encode: ({ a }) => String(a), decode: (text) => ({ a: Number(text) }) }),
  ttl: '10m',
  load: () => new Map(),
});
const lines: string[] = [];
const config = {
  redis: cacheRedis.url,
  postgres: db.url,
  caches: [products, pairs],
  access: { record: false },
  // Another load on the machine is not to look like a server that is away.
  commandTimeout: '10s' as const,
};
const log = createLog({ level: 'warn', to: { write: (line) => void lines.push(line) } });
const app = await createSamovar({ ...config, queueRedis: queueRedis.url }, { log });
const open = () => createSamovar({ ...config, queueRedis: toQueue.url, jobs: [invalidate] }, { log });
let worker = await open();
let working = await worker.work({ cron: false });
const end = async () => {
  await working.stop();
  await worker.stop();
};
afterAll(async () => {
  toQueue.pass();
  await end();
  await app.stop();
  await toQueue.close();
});
const cache = app.cache(products);
const publish = (what: unknown) =>
  queueRedis.client.xadd(
    'sv:invalidations',
    'MAXLEN',
    '~',
    '10000',
    '*',
    'm',
    typeof what === 'string' ? what : JSON.stringify(what),
  );
const present = async () => {
  const found: number[] = [];
  for (let id = 1; id <= 6; id++) if (await cache.has(id)) found.push(id);
  return found.join();
};
const becomes = (ids: string) => until(async () => (await present()) === ids, `those present are ${ids}`);
beforeEach(async () => {
  lines.length = 0;
  await cache.getMany([1, 2, 3, 4, 5, 6]);
  // Readers are answered before what they loaded is written.
  await becomes('1,2,3,4,5,6');
});

test('what anybody publishes is carried out: ids, keys, tags, tables, all', async () => {
  await publish({ cache: 'products', ids: [1], keys: ['2'] });
  await becomes('3,4,5,6');
  await publish({ tags: ['t0'] });
  await becomes('4,5');
  await cache.getMany([1, 2, 3]);
  await becomes('1,2,3,4,5');
  await publish({ table: 'orders' });
  await becomes('');
  await cache.getMany([1, 2]);
  await becomes('1,2');
  await publish({ cache: 'products', all: true });
  await becomes('');
});

test('what is no message is skipped, and told without its text', async () => {
  await publish('{"cache":"products","secret');
  await publish({ cache: 'products', ids: ['seven'] });
  await publish({ cache: 'products', ids: [1] });
  await becomes('2,3,4,5,6');
  expect(lines.join()).toContain('skipped');
  expect(lines.join()).not.toMatch(/secret|seven/);
});

test('an id that a codec of the application throws at is skipped, and what comes after it is not', async () => {
  await publish({ cache: 'pairs', ids: [null] });
  await publish({ cache: 'products', ids: [1] });
  await becomes('2,3,4,5,6');
});

test('what was published while the connection was lost, or no worker was there, is read afterwards', async () => {
  toQueue.refuse();
  await publish({ cache: 'products', ids: [1] });
  toQueue.pass();
  await becomes('2,3,4,5,6');
  await end();
  await publish({ cache: 'products', ids: [2] });
  worker = await open();
  working = await worker.work({ cron: false });
  await becomes('3,4,5,6');
});

test('where entries went before anybody read them, all is forgotten', async () => {
  await publish({ tags: ['none'] });
  await until(
    async () =>
      (await queueRedis.client.get('sv:invalidations:cursor')) ===
      (await queueRedis.client.xrevrange('sv:invalidations', '+', '-', 'COUNT', 1))[0]![0],
    'all is read',
  );
  await end();
  for (let i = 0; i < 20; i++)
    await queueRedis.client.xadd(
      'sv:invalidations',
      'MAXLEN',
      '5',
      '*',
      'm',
      JSON.stringify({ tags: ['none'] }),
    );
  worker = await open();
  working = await worker.work({ cron: false });
  await becomes('');
  expect(lines.join()).toContain('all caches are forgotten');
});
