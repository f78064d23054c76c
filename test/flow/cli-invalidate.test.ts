import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { database, redis, until } from '../support/index.ts';
import { place } from './command.ts';

const db = await database();
await db.rows('create table product (id int primary key)');
const [cache, queue] = [await redis('cache'), await redis('queue')];
const shop = place({ REDIS_URL: cache.url, QUEUE_REDIS_URL: queue.url, DATABASE_URL: db.url, PORT: '0' });
shop.write(
  'samovar.config.ts',
  `
import { defineCache, defineConfig, defineOrigin, key } from 'samovar';
import { builtinJobs } from 'samovar/jobs';

const options = { origin: defineOrigin('db'), key: key.number, ttl: '10m', load: async (ids: number[]) => new Map(ids.map((id) => [id, { id }])) } as const;
export const products = defineCache('products', {
  ...options,
  grace: '1h',
  tags: (id) => [id % 2 === 0 ? 'even' : 'odd'],
  invalidateOn: { table: 'product', id: 'id' },
});
export const lists = defineCache('lists', { ...options, tags: () => ['all-lists'], invalidateOn: { table: 'product', tags: ['all-lists'] } });
export default defineConfig({ caches: [products, lists], jobs: [...builtinJobs] });
`,
);
const options = {
  origin: defineOrigin('db'),
  key: key.number,
  ttl: '10m',
  load: async (ids: number[]) => new Map(ids.map((id) => [id, { id }])),
} as const;
const products = defineCache('products', {
  ...options,
  grace: '1h',
  tags: (id) => [id % 2 === 0 ? 'even' : 'odd'],
});
const lists = defineCache('lists', { ...options, tags: () => ['all-lists'] });
const app = await createClient(
  defineConfig({ redis: cache.url, queueRedis: queue.url, caches: [products, lists] }),
);
afterAll(() => app.stop());

const ids = [1, 2, 3, 4];
const present = async (of: typeof products | typeof lists = products) => {
  const found: number[] = [];
  for (const id of ids) if (await app.cache(of).has(id)) found.push(id);
  return found;
};
const fill = async () => {
  await app.cache(products).getMany(ids);
  await app.cache(lists).getMany(ids);
  await until(async () => (await present()).length + (await present(lists)).length === 8, 'all are stored');
};

// Each command is a start of the program.
describe('samovar invalidate', { timeout: 120_000 }, () => {
  beforeAll(fill);

  test.each<[string, string[], RegExp]>([
    ['keys', ['products', '1', '2', '77'], /3 keys of products, 2 of them cached/],
    ['tags', ['--tag', 'even,odd'], /2 tags across caches/],
    [
      'a table',
      ['--table', 'product'],
      /everything of products, which depends on table product\ntag all-lists/,
    ],
    ['all of a cache', ['products', '--all'], /everything of products/],
  ])('--dry-run of %s tells what would go, and forgets nothing', async (_, args, words) => {
    const { code, out } = await shop.run('invalidate', ...args, '--dry-run');
    expect([code, out]).toEqual([0, expect.stringMatching(words)]);
    expect(out).toContain('Nothing was invalidated (--dry-run).');
    expect([await present(), await present(lists)]).toEqual([ids, ids]);
  });

  test('--dry-run as a document', async () => {
    expect(await shop.json('invalidate', '--table', 'product', '--dry-run')).toMatchObject({
      dryRun: true,
      table: 'product',
      reach: { caches: ['products'], tags: ['all-lists'] },
    });
  });

  test('forgets keys, also from a file', async () => {
    shop.write('ids.txt', '2\n3\n');
    expect(await shop.json('invalidate', 'products', '1', '--keys-from', 'ids.txt')).toMatchObject({
      keys: 3,
    });
    expect(await present()).toEqual([4]);
    expect(await present(lists)).toEqual(ids);
  });

  test('forgets what carries a tag', async () => {
    await fill();
    const { code, out } = await shop.run('invalidate', '--tag', 'even');
    expect([code, out]).toEqual([0, expect.stringContaining('invalidated: 1 tags')]);
    expect([await present(), await present(lists)]).toEqual([[1, 3], ids]);
  });

  test('forgets what depends on a table', async () => {
    await fill();
    expect((await shop.run('invalidate', '--table', 'product')).code).toBe(0);
    expect([await present(), await present(lists)]).toEqual([[], []]);
  });

  test('forgets all of a cache; makes stale what may be served so', async () => {
    await fill();
    expect((await shop.run('invalidate', 'products', '1', '2', '--expire')).out).toContain('made stale');
    expect(await present()).toEqual(ids);
    expect(await shop.json('invalidate', 'lists', '--all')).toMatchObject({ caches: 1 });
    expect([await present(), await present(lists)]).toEqual([ids, []]);
  });

  test('what tables tell of is seen by status and doctor', async () => {
    const lines = async (...args: string[]) => (await shop.run(...args)).out;
    expect(await lines('doctor')).toMatch(/triggers of table 'product' are missing/);
    expect((await shop.run('migrate')).code).toBe(0);
    expect(await lines('status')).toMatch(/changes: none waits · 1 tables told of/);
    await db.rows('insert into product values (1), (2)');
    expect(await lines('status')).toMatch(/changes: \d+ wait, the oldest for .* · 1 tables told of/);
    expect(await lines('doctor')).toMatch(/\d+ on their way/);
    await db.rows('delete from samovar.change');
  });

  test('says what it needs, and what there is not', async () => {
    for (const [args, words] of [
      [['products'], /expected keys of products to invalidate, or --all/],
      [['--all'], /belong to a cache/],
      [['products', 'seven'], /seven/],
      [['--table', 'unheard', '--dry-run'], /no cache depends on a table 'unheard'/],
    ] as const) {
      const { code, err } = await shop.run('invalidate', ...args);
      expect([code, err]).toEqual([2, expect.stringMatching(words)]);
    }
    expect(await present()).toEqual(ids);
  });
});
