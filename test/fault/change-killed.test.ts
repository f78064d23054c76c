import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSamovar } from '../../src/samovar.ts';
import { bareEnvironment, database, redis } from '../support/index.ts';
import { changing } from './changing.ts';

const db = await database();
const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');
await db.pool.query('create table product (id int primary key, name text not null, category int not null)');
const caches = changing(async (ids) => {
  const { rows } = await db.pool.query('select id, name from product where id = any ($1)', [ids]);
  return new Map(rows.map((row) => [row.id as number, row.name as string]));
});
const app = await createSamovar({
  postgres: db.url,
  redis: cacheRedis.url,
  queueRedis: queueRedis.url,
  caches: [...caches],
  log: { level: 'warn' },
});
const [products, others] = [app.cache(caches[0]), app.cache(caches[1])];
const ids = Array.from({ length: 60 }, (_, i) => i + 1);
/** Never changed by anybody. */
const still = ids.filter((id) => id % 10 === 0);

beforeAll(async () => {
  await app.schema.migrate();
  await db.pool.query(`insert into product select i, 'first', i % 10 from generate_series(1, 60) i`);
});
afterAll(() => app.stop());

async function work(nth: number): Promise<{ signal: string | null; code: number | null; steps: number }> {
  const args = ['--import', 'tsx', 'test/fault/change-worker.ts', db.url, cacheRedis.url, queueRedis.url];
  const child = spawn(process.execPath, [...args, String(nth)], { env: bareEnvironment() });
  let told = '';
  child.stdout.on('data', (piece) => {
    told += String(piece);
  });
  child.stderr.resume();
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, steps: Number(told) };
}

const kept = async (): Promise<Map<number, string>> => {
  const rows = await db.rows<{ id: number; name: string }>('select id, name from product');
  return new Map(rows.map(({ id, name }) => [id, name]));
};

/** A worker has some fifteen to thirty steps; SAMOVAR_FAULT=full kills one before each of them. */
const stride = process.env['SAMOVAR_FAULT'] === 'full' ? 1 : 6;

test('a worker that is killed before any of its steps loses no change and touches nothing else', async () => {
  await Promise.all([products.getMany(ids), others.getMany(ids)]);
  let killed = 0;
  let steps = 0;
  for (let nth = 2; ; nth += stride) {
    const from = nth % 9;
    await db.pool.query('update product set name = $1 where id % 10 = any ($2)', [
      `change ${nth}`,
      [1 + from, 1 + ((from + 3) % 9)],
    ]);
    await db.pool.query('delete from product where id = $1 and id % 10 <> 0', [nth]);
    const ended = await work(nth);
    if (ended.signal === null) {
      expect(ended.code).toBe(0);
      steps = ended.steps;
      break;
    }
    expect(ended.signal).toBe('SIGKILL');
    killed += 1;
    // Whoever comes next finds all that the dead one had in hand.
    if (stride === 1 && nth % 3 === 0) {
      expect((await work(0)).code).toBe(0);
      expect(await db.rows('select 1 from samovar.change')).toEqual([]);
      const now = await kept();
      for (const id of ids) if (await products.has(id)) expect(await products.get(id)).toBe(now.get(id));
    }
    await products.getMany(ids);
  }
  // Statements of the pool, commands of Redis: it was killed at each that a whole life has, or at every sixth.
  expect(steps).toBeGreaterThanOrEqual(8);
  expect(killed).toBeGreaterThanOrEqual(Math.floor((steps - 1) / stride));
  expect(await db.rows('select 1 from samovar.change')).toEqual([]);
  const now = await kept();
  for (const id of ids) expect(await products.get(id)).toBe(now.get(id));
  for (const id of ids) expect(await others.has(id)).toBe(true);
  expect([...(await others.getMany(ids)).values()].every((name) => name === 'first')).toBe(true);
  for (const id of still) expect(now.get(id)).toBe('first');
}, 180_000);
