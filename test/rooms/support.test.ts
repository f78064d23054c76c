import { beforeEach, expect, test } from 'vitest';
import { database, redis, until } from '../support/index.ts';

const db = await database();
const cache = await redis('cache');
const queue = await redis('queue');
const empty = await database({ migrated: false });
beforeEach(() => cache.flush());

test('a database of the file holds the migrated schema and takes writes', async () => {
  const tables = await db.rows<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'samovar'`,
  );
  expect(tables.length).toBeGreaterThan(0);
  await db.rows('create table mine (id int)');
  expect(await db.rows('select current_database() as name')).toEqual([{ name: db.name }]);
});

test('an unmigrated database is empty', async () => {
  expect(await empty.rows(`select 1 from pg_namespace where nspname = 'samovar'`)).toEqual([]);
});

test('each role has a Redis of its own with the policy of the role', async () => {
  await cache.client.set('k', '1');
  expect(await queue.client.exists('k')).toBe(0);
  expect(await cache.client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'volatile-lfu']);
  expect(await queue.client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
});

test('until gives what the condition gave', async () => {
  expect(await cache.client.exists('k')).toBe(0);
  let tries = 0;
  expect(await until(() => ++tries === 3 && 'third', 'the third try')).toBe('third');
});
