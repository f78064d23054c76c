import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { builtinJobs } from '../../jobs/index.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { readConfig } from '../../src/read-config.ts';
import { createSamovar } from '../../src/samovar.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { database, redis, until } from '../support/index.ts';

const queue = await redis('queue');
const db = await database();
const ended: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const end of ended.reverse()) await end();
});

test('a warm larger than the memory of Redis stops at the mark, and nothing is evicted', async () => {
  const small = await startRedis({ role: 'cache', maxMemory: 16_000_000 });
  ended.push(() => small.stop());
  await queue.flush();
  const text = 'x'.repeat(10_000);
  const items = defineCache('items', {
    origin: defineOrigin('db'),
    key: key.number,
    ttl: '1h',
    load: (ids: number[]) => ids.map((id) => `${id} ${text}`),
    warm: { top: 3_000, also: [{ ids: Array.from({ length: 3_000 }, (_, id) => 1_000 + id) }] },
  });
  const config = defineConfig({
    redis: small.url,
    queueRedis: queue.url,
    postgres: db.url,
    caches: [items],
    jobs: [...builtinJobs],
    log: { level: 'silent' },
  });
  const samovar = await createSamovar(readConfig(config, { env: {}, file: 'the test' }));
  ended.push(() => samovar.stop());
  await samovar.cache(items).getMany(Array.from({ length: 100 }, (_, id) => id));
  const working = await samovar.work({ only: ['warm'], cron: false });
  ended.push(() => working.stop());

  const begun = await samovar.warm('items');
  if ('running' in begun || begun.run === undefined) throw new Error('there is no run');
  const { run } = begun;
  const over = await until(async () => {
    const now = await samovar.runs.get(run);
    return now?.endedAt === undefined ? undefined : now;
  }, 'the run has ended');
  expect(over.state).toBe('partial');
  expect(`${over.why} ${over.error}`).toMatch(/memory/);
  expect(over.results.written).toBeGreaterThan(100);
  expect(over.results.budget).toBeGreaterThan(100);
  const [facts] = (await samovar.servers()).filter(({ role }) => role === 'cache');
  expect(facts!.usedBytes! / facts!.maxBytes!).toBeLessThan(0.95);
  const looked = await samovar.cache(items).getMany(Array.from({ length: 100 }, (_, id) => id));
  expect(looked.size).toBe(100);
  expect(await evictedBy(small.url)).toBe(0);
});

async function evictedBy(url: string): Promise<number> {
  const client = new Redis(url);
  try {
    return Number(/evicted_keys:(\d+)/.exec(await client.info('stats'))![1]);
  } finally {
    client.disconnect();
  }
}
