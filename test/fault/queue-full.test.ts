import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { done } from '../../src/job.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { job } from '../rooms/jobs.ts';
import { queueBench } from '../rooms/queue.ts';
import { until } from '../support/index.ts';

const server = await startRedis({ role: 'queue' });
const admin = new Redis(server.url);
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});
const bench = queueBench(server.url);

test('a queue Redis that takes no writes for want of memory costs a worker nothing but time', async () => {
  const queue = bench.produce();
  let runs = 0;
  let mayEnd = false;
  const held = job('held', async () => {
    runs += 1;
    await until(() => mayEnd, 'it may end', { timeoutMs: 30_000 });
    return done('held');
  });
  const quick = job('quick', async () => done('quick'));
  const { workers } = await bench.work([held, quick], queue, {
    timing: { lockMs: 2_000, stalledMs: 300, maxStalls: 10 },
  });
  const under = await queue.enqueue('held', {});
  await until(() => workers.running() === 1, 'it runs');
  const waiting = await queue.enqueue('quick', {}, { delayMs: 1_000 });
  await admin.config('SET', 'maxmemory', '1');
  await expect(queue.enqueue('quick', {})).rejects.toMatchObject({
    code: 'E_QUEUE_UNAVAILABLE',
    hints: [expect.stringContaining('maxmemory')],
  });
  // What has ended cannot be written down, nor what is waiting be begun.
  mayEnd = true;
  await until(() => workers.running() === 0, 'it has ended');
  await expect(queue.enqueue('quick', {})).rejects.toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
  await admin.config('SET', 'maxmemory', '0');
  const after = await queue.enqueue('quick', {});
  for (const id of [waiting, after])
    expect(await until(() => queue.waitFor('quick', id), 'it is worked')).toMatchObject({ result: 'quick' });
  await until(async () => (await queue.stateOf('held', under)) === 'completed', 'it is written down', {
    timeoutMs: 30_000,
  });
  expect(runs).toBeGreaterThan(0);
}, 60_000);
