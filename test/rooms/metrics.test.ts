import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createEmitter } from '../../src/events.ts';
import { done } from '../../src/job.ts';
import { serveHttp } from '../../src/metrics/http.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { redis, startProxy, until } from '../support/index.ts';
import { parseExposition } from '../unit/metrics/exposition.ts';
import { job, untilAborted } from './jobs.ts';
import { queueBench } from './queue.ts';

const queue = await redis('queue');
const bench = queueBench(queue.url);
afterEach(() => queue.flush());

const serve = async (options: {
  queues: ReturnType<typeof bench.produce>;
  names: string[];
  unhealthy?: () => string | undefined;
}) => {
  const events = createEmitter();
  const metrics = createMetrics({ events, queues: { ...options.queues, names: options.names } });
  const server = await serveHttp({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    metrics,
    unhealthy: options.unhealthy ?? (() => undefined),
    probes: [{ name: 'queue', check: () => options.queues.counts(options.names[0]!) }],
  });
  bench.later(async () => {
    await server.close();
    metrics.close();
  });
  const get = (path: string) => fetch(server.url + path);
  return {
    events,
    get,
    samples: async () => parseExposition(await (await get('/metrics')).text()).samples,
  };
};

test('the jobs of several queues are told by state, in one exposition that a scraper can read', async () => {
  const queues = bench.produce();
  const { samples } = await serve({ queues, names: ['quick', 'held', 'idle'] });
  await queues.enqueue('held', {});
  await queues.enqueue('held', {});
  await queues.enqueue('quick', {}, { delayMs: 3_600_000 });
  const { workers } = await bench.work(
    [job('quick', async () => done(1)), job('held', (_payload, { signal }) => untilAborted(signal))],
    queues,
  );
  await queues.waitFor('quick', await queues.enqueue('quick', {}));
  await until(() => workers.running() === 1, 'the held job runs');
  const found = await samples();
  const jobs = (name: string, state: string) =>
    found.get(`samovar_queue_jobs{queue="${name}",state="${state}"}`);
  expect([jobs('quick', 'completed'), jobs('quick', 'delayed'), jobs('quick', 'waiting')]).toEqual([1, 1, 0]);
  expect([jobs('held', 'active'), jobs('held', 'waiting'), jobs('idle', 'waiting')]).toEqual([1, 1, 0]);
  expect(found.get('samovar_queue_oldest_seconds{queue="held"}')).toBeGreaterThan(0);
  expect(found.get('samovar_queue_oldest_seconds{queue="idle"}')).toBe(0);
  expect(found.get('process_resident_memory_bytes')).toBeGreaterThan(0);
});

test('a queue that goes away makes a worker unready, not dead; it recovers by itself', async () => {
  const server = await startRedis({ role: 'queue', appendOnly: true });
  bench.later(() => server.stop());
  const queues = bench.produce(server.url);
  const { get, samples } = await serve({ queues, names: ['one', 'two'] });
  await until(async () => (await get('/readyz')).status === 200, 'it is ready');
  await server.kill();
  await until(async () => (await get('/readyz')).status === 503, 'it is not ready');
  expect((await get('/healthz')).status).toBe(200);
  // The failure of a scrape is told by the next.
  const found = await until(async () => {
    const seen = await samples();
    return (seen.get('samovar_collect_failures_total{what="samovar_queue_jobs"}') ?? 0) > 0 && seen;
  }, 'the failure is counted');
  expect(found.get('samovar_queue_jobs{queue="one",state="waiting"}')).toBeUndefined();
  await server.restart();
  await until(async () => (await get('/readyz')).status === 200, 'it is ready again');
});

test('a stuck worker is unhealthy', async () => {
  const queues = bench.produce();
  const proxy = await startProxy(queue.url);
  bench.later(() => proxy.close());
  const { workers } = await bench.work([job('parked', async () => done(1))], queues, {
    address: { url: proxy.url, from: 'the test' },
    stuckAfterMs: 200,
  });
  const { get } = await serve({
    queues,
    names: ['parked'],
    unhealthy: () => workers.isStuck() && 'nobody works',
  });
  expect((await get('/healthz')).status).toBe(200);
  await queues.waitFor('parked', await queues.enqueue('parked', {}));
  proxy.blackHole();
  await queues.enqueue('parked', {});
  const response = await until(async () => {
    const answer = await get('/healthz');
    return answer.status === 503 && answer;
  }, 'it is unhealthy');
  expect(await response.json()).toEqual({ ok: false, why: 'nobody works' });
});
