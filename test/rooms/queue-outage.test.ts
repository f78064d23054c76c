import { afterAll, describe, expect, test } from 'vitest';
import { nextTurn } from '../../src/clock.ts';
import { openRedis } from '../../src/connect.ts';
import { done } from '../../src/job.ts';
import { createLog, silentLog } from '../../src/log.ts';
import { checkQueuePolicy } from '../../src/queue/redis.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { startProxy, until } from '../support/index.ts';
import { job, untilAborted } from './jobs.ts';
import { queueBench } from './queue.ts';

const server = await startRedis({ role: 'queue', appendOnly: true });
afterAll(() => server.stop());
const bench = queueBench(server.url);

describe('an outage of the queue Redis', () => {
  test('enqueueing fails at once, and works again when it is back; nothing that was added is lost', async () => {
    const queues = bench.produce();
    const before = await queues.enqueue('after', { n: 1 });
    await server.kill();
    await until(async () => {
      const error = await queues.enqueue('after', {}).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
      return true;
    }, 'it refuses');
    await server.restart();
    const after = await until(() => queues.enqueue('after', { n: 2 }), 'it takes work again');
    await bench.work([job('after', async ({ n }) => done(n))], queues);
    expect(await queues.waitFor('after', before)).toMatchObject({ result: 1 });
    expect(await queues.waitFor('after', after)).toMatchObject({ result: 2 });
  });

  test('one that accepts and does not answer is soon not waited for, and asked now and then', async () => {
    const proxy = await startProxy(server.url);
    const changes: boolean[] = [];
    const queues = bench.produce(proxy.url, { onChange: (isAway) => void changes.push(isAway) });
    await queues.enqueue('silent', {});
    proxy.blackHole();
    const refused = () =>
      queues.enqueue('silent', {}).then(
        () => undefined,
        (error: unknown) => error,
      );
    // Each is asked when the one before was given up.
    await until(
      async () => {
        expect(await refused()).toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
        return changes.length > 0;
      },
      'it is not asked any more',
      { timeoutMs: 25_000 },
    );
    const atOnce = await Promise.all(
      Array.from({ length: 5 }, () => Promise.race([refused(), nextTurn().then(() => undefined)])),
    );
    expect(atOnce.filter((error) => error !== undefined).length).toBeGreaterThanOrEqual(4);
    proxy.pass();
    await until(async () => (await refused()) === undefined, 'it takes work again', { timeoutMs: 20_000 });
    expect(changes).toEqual([true, false]);
    await proxy.close();
  }, 60_000);

  test('a job that runs over it ends once, and the worker goes on by itself', async () => {
    const queues = bench.produce();
    let runs = 0;
    let mayEnd = false;
    const run = job('over', async () => {
      runs++;
      await until(() => mayEnd, 'it may end');
      return done('whole');
    });
    const { workers } = await bench.work([run], queues);
    const id = await queues.enqueue('over', {});
    await until(() => workers.running() === 1, 'it runs');
    await server.kill();
    await server.restart();
    mayEnd = true;
    await until(async () => (await queues.stateOf('over', id)) === 'completed', 'it has ended');
    const next = await queues.enqueue('over', {});
    expect(await until(() => queues.waitFor('over', next), 'the next has ended')).toMatchObject({
      state: 'completed',
    });
    expect(runs).toBe(2);
  });

  test('a worker that cannot reach it stops soon', async () => {
    const queues = bench.produce();
    const { workers } = await bench.work([job('cut', async () => done(1))], queues);
    await expect(workers.check()).resolves.toBeUndefined();
    await server.kill();
    await until(() => workers.check().catch((error: Error) => error.message), 'it is not ready');
    await expect(workers.check()).rejects.toThrow('cut is not worked');
    expect(await workers.stop({ graceMs: 3_600_000 })).toEqual({ left: 0 });
    await server.restart();
  });

  test('a worker whose connection is dead while the queue is well is stuck, and recovers', async () => {
    const queues = bench.produce();
    const proxy = await startProxy(server.url);
    bench.later(() => proxy.close());
    const { workers } = await bench.work([job('parked', async () => done(1))], queues, {
      address: { url: proxy.url, from: 'the test' },
      stuckAfterMs: 300,
    });
    await queues.waitFor('parked', await queues.enqueue('parked', {}));
    proxy.blackHole();
    const id = await queues.enqueue('parked', {});
    expect(await until(() => workers.isStuck(), 'it is stuck')).toMatchObject({ job: 'parked', waiting: 1 });
    proxy.pass();
    proxy.cut();
    expect(await queues.waitFor('parked', id)).toMatchObject({ state: 'completed' });
    await until(() => workers.isStuck() === undefined, 'it is well again');
  });
});

describe('the eviction policy of the queue Redis', () => {
  const open = async () => {
    const redis = openRedis({ role: 'queue', url: server.url, from: 'QUEUE_REDIS_URL' });
    await redis.connect();
    bench.later(async () => redis.disconnect());
    return redis;
  };
  const address = { url: server.url, from: 'QUEUE_REDIS_URL' };
  const check = (redis: Awaited<ReturnType<typeof open>>, more: object = {}) =>
    checkQueuePolicy({ redis, address, allowEvicting: false, log: silentLog, ...more });

  test('noeviction is accepted', async () => {
    await expect(check(await open())).resolves.toBeUndefined();
  });

  test('any other is refused, unless that is asked for', async () => {
    const redis = await open();
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    try {
      const refused = check(redis, { cacheUrl: server.url });
      await expect(refused).rejects.toThrow(/may delete jobs: its maxmemory-policy is allkeys-lru/);
      await expect(refused).rejects.toMatchObject({
        code: 'E_QUEUE_EVICTS',
        hints: [
          expect.stringMatching(/holds the cache too/),
          expect.stringMatching(/QUEUE_REDIS_URL/),
          expect.stringMatching(/CONFIG SET maxmemory-policy noeviction/),
          expect.stringMatching(/allowEvictingQueue: true/),
        ],
      });
      const password = new URL(server.url).password;
      await expect(refused).rejects.not.toThrow(new RegExp(password));
      await expect(check(redis, { allowEvicting: true })).resolves.toBeUndefined();
    } finally {
      await redis.config('SET', 'maxmemory-policy', 'noeviction');
    }
  });

  test('a server that does not tell is trusted, with a warning', async () => {
    const admin = await open();
    await admin.acl('SETUSER', 'plain', 'on', '>pw', '~*', '+@all', '-config');
    const url = new URL(server.url);
    url.username = 'plain';
    url.password = 'pw';
    const redis = openRedis({ role: 'queue', url: url.href, from: 'QUEUE_REDIS_URL' });
    await redis.connect();
    bench.later(async () => redis.disconnect());
    const lines: string[] = [];
    const log = createLog({ level: 'warn', to: { write: (line: string) => void lines.push(line) } });
    await checkQueuePolicy({ redis, address, allowEvicting: false, log });
    expect(lines.join('')).toMatch(/CONFIG is blocked/);
  });
});

test('a job whose lock was lost is told to stop, and is left to the worker that has it now', async () => {
  const queues = bench.produce();
  const proxy = await startProxy(server.url);
  bench.later(() => proxy.close());
  const timing = { lockMs: 500, stalledMs: 100 };
  let told: unknown;
  const cutOff = job('shared', async (_payload, { signal }) =>
    untilAborted(signal).catch((why) => {
      told = why;
      throw why;
    }),
  );
  const first = await bench.work([cutOff], queues, { address: { url: proxy.url, from: 'the test' }, timing });
  const id = await queues.enqueue('shared', {});
  await until(() => first.workers.running() === 1, 'the first has it');
  let mayEnd = false;
  const second = await bench.work(
    [
      job('shared', async () => {
        await until(() => mayEnd, 'the first has let go');
        return done('second');
      }),
    ],
    queues,
    { timing },
  );
  proxy.blackHole();
  await until(() => second.workers.running() === 1, 'the second has it');
  proxy.pass();
  proxy.cut();
  await until(() => first.outcomes().length === 1, 'the first has let go');
  expect(first.outcomes()).toEqual(['lost']);
  expect(told).toMatchObject({ code: 'E_STOPPED' });
  mayEnd = true;
  expect(await queues.waitFor('shared', id)).toMatchObject({
    state: 'completed',
    result: 'second',
    tries: 1,
  });
  await second.workers.stop({ graceMs: 1_000 });
  await queues.enqueue('shared', {});
  await until(() => first.workers.running() === 1, 'the first works on');
});
