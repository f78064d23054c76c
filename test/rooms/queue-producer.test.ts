import { afterEach, describe, expect, test } from 'vitest';
import { done } from '../../src/job.ts';
import { redis, until } from '../support/index.ts';
import { job } from './jobs.ts';
import { queueBench } from './queue.ts';

const queue = await redis('queue');
const bench = queueBench(queue.url);
afterEach(() => queue.flush());

const idle = { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0 };

describe('enqueueing', () => {
  test('once: the same work is added once, also when the first has long been done and swept', async () => {
    const queues = bench.produce();
    let runs = 0;
    await bench.work([job('deploy', async () => done(++runs))], queues);
    const first = await queues.enqueue('deploy', {}, { once: 'release: 42' });
    await queues.waitFor('deploy', first);
    expect(await queues.enqueue('deploy', {}, { once: 'release: 42' })).toBe(first);
    await queue.client.del(`{sv}:deploy:${first}`, '{sv}:deploy:completed');
    expect(await queues.enqueue('deploy', {}, { once: 'release: 42' })).toBe(first);
    const other = await queues.enqueue('deploy', {}, { once: 'release: 43' });
    expect(other).not.toBe(first);
    await queues.waitFor('deploy', other);
    expect(runs).toBe(2);
  });

  test('once: it may be added anew when it is no longer remembered, though its record is kept', async () => {
    const queues = bench.produce();
    let runs = 0;
    await bench.work([job('nightly', async () => done(++runs))], queues);
    const first = await queues.enqueue('nightly', {}, { once: 'night', onceForMs: 50 });
    await queues.waitFor('nightly', first);
    const second = await until(async () => {
      const id = await queues.enqueue('nightly', {}, { once: 'night', onceForMs: 50 });
      return id !== first && id;
    }, 'the name is free again');
    expect(await queues.waitFor('nightly', second)).toMatchObject({ state: 'completed' });
    expect(await queues.get('nightly', first)).toMatchObject({ state: 'completed' });
    expect(runs).toBe(2);
  });

  test('a slot is one job, whoever asks for it', async () => {
    const [here, there] = [bench.produce(), bench.produce()];
    const ids = await Promise.all(
      [here, there, here].map((queues) =>
        queues.enqueue('tick', { n: 1 }, { schedule: 'often', slot: 1_000 }),
      ),
    );
    expect(new Set(ids)).toEqual(new Set(['often@1000']));
    expect(await here.counts('tick')).toEqual({ ...idle, waiting: 1 });
    expect(await here.get('tick', 'often@1000')).toMatchObject({
      schedule: 'often',
      slot: 1_000,
      payload: { n: 1 },
    });
  });

  test('a delayed job waits its time; those without priority come first', async () => {
    const queues = bench.produce();
    const late = await queues.enqueue('line', {}, { delayMs: 3_600_000 });
    await queues.enqueue('line', { n: 3 }, { priority: 2 });
    await queues.enqueue('line', { n: 2 }, { priority: 1 });
    await queues.enqueue('line', { n: 1 });
    expect(await queues.counts('line')).toEqual({ ...idle, waiting: 3, delayed: 1 });
    expect(await queues.stateOf('line', late)).toBe('delayed');
    const order: number[] = [];
    await bench.work([job('line', async ({ n }) => done(order.push(n)))], queues);
    await until(() => order.length === 3, 'the line is worked off');
    expect(order).toEqual([1, 2, 3]);
  });

  test('what cannot be JSON, or is far too long, is refused and nothing is added', async () => {
    const queues = bench.produce();
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    await expect(queues.enqueue('odd', circle)).rejects.toMatchObject({ code: 'E_PAYLOAD' });
    await expect(queues.enqueue('odd', { text: 'x'.repeat(1_100_000) })).rejects.toMatchObject({
      code: 'E_PAYLOAD',
    });
    expect(await queues.counts('odd')).toEqual(idle);
  });

  test('a name of work may hold anything', async () => {
    const queues = bench.produce();
    for (const once of ['123', '0:x', 'a b\n{c}', 'ж'.repeat(5_000)]) {
      const id = await queues.enqueue('named', {}, { once });
      expect(await queues.enqueue('named', {}, { once })).toBe(id);
    }
    expect(await queues.counts('named')).toEqual({ ...idle, waiting: 4 });
  });

  test('a queue whose Redis is away refuses at once, without the password', async () => {
    const closed = bench.produce('redis://:pw@127.0.0.1:1');
    const error = await closed.enqueue('x', {}).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
    expect((error as Error).message).toMatch(/ECONNREFUSED/);
    expect((error as Error).message).not.toContain('pw');
  });
});

describe('looking', () => {
  test('jobs are listed by state, newest first; a failed one can be put back with all its tries', async () => {
    const queues = bench.produce();
    let isWell = false;
    const { workers } = await bench.work(
      [job('mend', async () => (isWell ? done('well') : Promise.reject(new Error('ill'))), { attempts: 1 })],
      queues,
    );
    const first = await queues.enqueue('mend', { n: 1 });
    await queues.waitFor('mend', first);
    const second = await queues.enqueue('mend', { n: 2 });
    await queues.waitFor('mend', second);
    const failed = await queues.list('mend', { states: ['failed'] });
    expect(failed.map(({ id, error }) => [id, error])).toEqual([
      [second, 'ill'],
      [first, 'ill'],
    ]);
    await expect(queues.retry('mend', 'nobody')).rejects.toMatchObject({ code: 'E_USAGE' });
    isWell = true;
    await queues.retry('mend', first);
    expect(await queues.waitFor('mend', first)).toMatchObject({ state: 'completed', result: 'well' });
    await expect(queues.retry('mend', first)).rejects.toThrow(/it is completed/);
    expect(workers.running()).toBe(0);
  });

  test('the oldest that waits tells its age', async () => {
    const queues = bench.produce();
    expect(await queues.oldestMs('old')).toBeUndefined();
    await queues.enqueue('old', {});
    await queues.enqueue('old', {}, { priority: 5 });
    expect(await until(() => queues.oldestMs('old'), 'it has aged')).toBeGreaterThan(0);
  });

  test('tells how many processes work a job', async () => {
    const queues = bench.produce();
    expect(await queues.workers('worked')).toBe(0);
    const worked = job('worked', async () => done(0));
    await bench.work([worked], queues);
    await bench.work([worked], queues);
    expect(await until(async () => (await queues.workers('worked')) === 2, 'both are seen')).toBe(true);
  });

  test('waiting for a job ends with the time given, or when there is no such job', async () => {
    const queues = bench.produce();
    const id = await queues.enqueue('nobody', {});
    expect(await queues.waitFor('nobody', id, { timeoutMs: 30 })).toMatchObject({ state: 'waiting' });
    expect(await queues.waitFor('nobody', 'never@1')).toBeUndefined();
  });
});
