import { afterAll, beforeEach, expect, test } from 'vitest';
import { flush } from '../../jobs/flush.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { createLog } from '../../src/log.ts';
import { createSamovar } from '../../src/samovar.ts';
import { freePort } from '../../src/servers/port.ts';
import { database, redis, startProxy } from '../support/index.ts';

const db = await database();
const queue = await redis('queue');
const proxy = await startProxy(queue.url);
const counts = defineCache('counts', {
  origin: defineOrigin('shop'),
  key: key.string,
  ttl: '1h',
  load: () => new Map<string, number>(),
  write: async () => {},
  writeBehind: {},
});
const lines: string[] = [];
const samovar = await createSamovar(
  {
    redis: (await redis('cache')).url,
    queueRedis: proxy.url,
    postgres: db.url,
    caches: [counts],
    jobs: [flush],
    commandTimeout: '10s',
  },
  { log: createLog({ level: 'warn', to: { write: (line) => void lines.push(line) } }) },
);
afterAll(async () => {
  await samovar.stop();
  await proxy.close();
});
beforeEach(() => {
  lines.length = 0;
});
/** Said whenever this process begins to flush. */
const begun = () => lines.filter((line) => line.includes('append-only')).length;

test('a worker that is asked for a job that there is not begins nothing', async () => {
  await expect(samovar.work({ only: ['flash'] })).rejects.toMatchObject({ code: 'E_UNKNOWN_JOB' });
  expect(begun()).toBe(0);
});

test('one that cannot reach its queue ends what it began, and may be started again', async () => {
  proxy.retarget(`redis://127.0.0.1:${await freePort()}`);
  await expect(samovar.work({ cron: false })).rejects.toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
  // Its ticks would be found at the end of this file.
  expect(begun()).toBe(1);
  proxy.retarget(queue.url);
  const working = await samovar.work({ cron: false });
  expect(begun()).toBe(2);
  await working.stop();
});
