import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtinJobs, rise } from '../../jobs/index.ts';
import { systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { dayMs, hourMs, minuteMs } from '../../src/duration.ts';
import { key } from '../../src/key.ts';
import { createLog } from '../../src/log.ts';
import { createSamovar } from '../../src/samovar.ts';
import { database, redis, until } from '../support/index.ts';

const db = await database();
const [cacheRedis, queueRedis] = [await redis('cache'), await redis('queue')];
const monday = Date.UTC(2026, 0, 5);

/** Time goes on, from the instant it was last set to. */
let offsetMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + offsetMs };
const setTime = (at: number) => {
  offsetMs = at - systemClock.now();
};

const loads: number[] = [];
const origin = defineOrigin('db', { budget: { perSecond: 2_000, concurrency: 2 } });
const products = defineCache('products', {
  origin,
  key: key.number,
  ttl: '4h',
  load: async (ids) => {
    loads.push(...ids);
    return new Map(ids.map((id) => [id, { id }]));
  },
  warm: { top: 500 },
});
const config = defineConfig({
  redis: cacheRedis.url,
  queueRedis: queueRedis.url,
  postgres: db.url,
  // A busy machine must not make readers do without Redis.
  commandTimeout: '20s',
  caches: [products],
  jobs: [...builtinJobs],
  schedules: 'auto',
});
const log = createLog({ level: 'silent' });
const fleet = [await createSamovar(config, { log, clock }), await createSamovar(config, { log, clock })];
const [samovar] = fleet as [(typeof fleet)[0], (typeof fleet)[0]];
const folder = mkdtempSync(join(tmpdir(), 'samovar-rise-'));
afterAll(async () => {
  await Promise.all(fleet.map((each) => each.stop()));
  rmSync(folder, { recursive: true });
});

const early = Array.from({ length: 300 }, (_, i) => i);
const late = Array.from({ length: 40 }, (_, i) => 1_000 + i);

/** Five days on which the early ones are read from 8 to 18, the late ones from 20 to 23. */
function history(): string {
  const lines = ['epoch_seconds,key'];
  for (let hour = monday - 5 * dayMs; hour < monday; hour += hourMs) {
    const of = new Date(hour).getUTCHours();
    const [ids, times] = of >= 8 && of < 18 ? [early, 1] : of >= 20 && of < 23 ? [late, 10] : [[], 0];
    for (const id of ids)
      for (let i = 0; i < times; i++) lines.push(`${hour / 1_000 + 60 * i + (id % 60)},${id}`);
  }
  const file = join(folder, 'reads.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

beforeAll(async () => {
  setTime(monday + 2 * minuteMs);
  await samovar.history.importFile(history(), { cache: 'products' });
  for (const each of fleet) await each.work({ cron: false });
});

/** As every worker's tick does it, all of them at the same minute. */
async function tick(at: number): Promise<void> {
  setTime(at);
  const ids = await Promise.all(fleet.map((each) => each.schedules.run('rise')));
  for (const id of ids)
    expect(await samovar.waitFor(rise, id, { timeout: '20s' })).toMatchObject({ state: 'completed' });
}
const ended = async (runs: number) =>
  until(async () => {
    const found = await samovar.runs.list();
    return found.length === runs && found.every(({ state }) => state === 'done') && found;
  }, `${runs} runs are done`);
const warmAmong = async (ids: readonly number[]) => {
  const there = await Promise.all(ids.map((id) => samovar.cache(products).has(id)));
  return there.filter(Boolean).length;
};

test('keys are warm before their daily rise: each group before its own, each slot once for the fleet', {
  timeout: 60_000,
}, async () => {
  await tick(monday + 6 * hourMs);
  const [found] = await samovar.when();
  expect(found).toMatchObject({ cache: 'products', origin: 'db' });
  expect(found!.times.map(({ by, keys, left }) => [(by - monday) / hourMs, keys, left])).toEqual([
    [8, 300, 0],
    [20, 40, 0],
  ]);
  const views = await samovar.schedules.list(9);
  expect(views.find(({ name }) => name === 'auto-products')).toMatchObject({
    job: 'plan',
    cache: 'products',
    expression: 'auto',
    next: [7 * hourMs + 50 * minuteMs, 7 * hourMs + 55 * minuteMs, 19 * hourMs + 55 * minuteMs].map(
      (at) => monday + at,
    ),
    rises: [
      { by: monday + 8 * hourMs, keys: 150 },
      { by: monday + 8 * hourMs, keys: 150 },
      { by: monday + 20 * hourMs, keys: 40 },
    ],
  });
  expect(loads).toEqual([]);

  for (const [minute, runs] of [
    [49, 0],
    [50, 1],
    [51, 1],
    [55, 2],
    [56, 2],
  ] as const) {
    await tick(monday + 7 * hourMs + minute * minuteMs);
    await ended(runs);
  }
  expect(await warmAmong(early)).toBe(300);
  expect(await warmAmong(late)).toBe(0);
  expect(loads.toSorted((a, b) => a - b)).toEqual(early);

  setTime(monday + 8 * hourMs + minuteMs);
  await samovar.cache(products).getMany(early);
  expect(loads).toHaveLength(300);

  await tick(monday + 19 * hourMs + 55 * minuteMs);
  await ended(3);
  expect(await warmAmong(late)).toBe(40);
  expect(loads).toHaveLength(340);
});

test('what was proposed is begun by `rise`, and cannot be paused by itself', async () => {
  await expect(samovar.schedules.pause('auto-products')).rejects.toMatchObject({
    code: 'E_USAGE',
    hints: [expect.stringContaining('samovar schedule pause rise')],
  });
  await samovar.schedules.pause('rise');
  const views = await samovar.schedules.list();
  expect(views.filter(({ isPaused }) => isPaused).map(({ name }) => name)).toEqual(['rise', 'auto-products']);
});
