import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { done } from '../../src/job.ts';
import { fakeClock, redis, until } from '../support/index.ts';
import { job, untilAborted } from './jobs.ts';
import { queueBench } from './queue.ts';

const queue = await redis('queue');
const bench = queueBench(queue.url);
afterEach(() => queue.flush());

const spawnWorker = (): ChildProcess => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/rooms/queue-worker.ts', queue.url], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  bench.later(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  return child;
};
const ran = () => queue.client.lrange('ran', 0, -1);

describe('stopping', () => {
  test('hands a running job back, no try spent; the next worker goes on', async () => {
    const queues = bench.produce();
    const attempts: [string, number][] = [];
    const hold = (who: string, ends: boolean) =>
      job(
        'hold',
        async (_payload, { signal, attempt }) => {
          attempts.push([who, attempt]);
          return ends ? done(who) : untilAborted(signal);
        },
        { attempts: 1 },
      );
    const first = await bench.work([hold('first', false)], queues);
    const id = await queues.enqueue('hold', {});
    await until(() => attempts.length === 1, 'the first has it');
    expect(await first.workers.stop({ graceMs: 5_000 })).toEqual({ left: 0 });
    expect(first.outcomes()).toEqual(['handed-back']);
    expect(await queues.stateOf('hold', id)).toBe('waiting');
    await bench.work([hold('second', true)], queues);
    expect(await queues.waitFor('hold', id)).toMatchObject({
      state: 'completed',
      result: 'second',
      stalls: 0,
    });
    expect(attempts).toEqual([
      ['first', 1],
      ['second', 1],
    ]);
  });

  test('lets a job finish that is about to', async () => {
    const queues = bench.produce();
    let mayEnd = false;
    const run = job('finish', async () => {
      await until(() => mayEnd, 'it may end');
      return done('whole');
    });
    const { workers } = await bench.work([run], queues);
    const id = await queues.enqueue('finish', {});
    await until(() => workers.running() === 1, 'it runs');
    const stopped = workers.stop({ graceMs: 5_000 });
    mayEnd = true;
    expect(await stopped).toEqual({ left: 0 });
    expect(await queues.get('finish', id)).toMatchObject({ state: 'completed', result: 'whole' });
  });

  test('takes nothing more, and leaves what waits', async () => {
    const queues = bench.produce();
    const seen: number[] = [];
    const run = job('many', async ({ n }, { signal }) => {
      seen.push(n);
      return untilAborted(signal);
    });
    for (let n = 0; n < 5; n++) await queues.enqueue('many', { n });
    const { workers } = await bench.work([run], queues);
    await until(() => seen.length === 1, 'it has begun');
    await workers.stop({ graceMs: 5_000 });
    expect(seen).toEqual([0]);
    expect((await queues.counts('many')).waiting).toBe(5);
  });

  test('puts back untouched what it was just being given', async () => {
    const queues = bench.produce();
    const seen: number[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = job('late', async ({ n }) => {
      seen.push(n);
      await held;
      return done(n);
    });
    const { workers, outcomes } = await bench.work([run], queues, { concurrency: { late: 2 } });
    await queues.enqueue('late', { n: 1 });
    await until(() => workers.running() === 1, 'the first runs');
    await until(
      async () => String(await queue.client.client('LIST')).includes('bzpopmin'),
      'it asks for more',
    );
    const stopped = workers.stop({ graceMs: 5_000 });
    const second = await queues.enqueue('late', { n: 2 });
    await until(async () => (await queue.client.hget(`{sv}:late:${second}`, 'ats')) !== null, 'it was given');
    await until(async () => (await queues.stateOf('late', second)) === 'waiting', 'it was put back');
    release();
    expect(await stopped).toEqual({ left: 0 });
    expect(seen).toEqual([1]);
    expect(outcomes()).toEqual(['done']);
  });

  test('does not wait for ever for a job that does not listen; a second stop waits no longer', async () => {
    const queues = bench.produce();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = job('deaf', async () => {
      await held;
      return done(1);
    });
    const { workers } = await bench.work([run], queues);
    const id = await queues.enqueue('deaf', {});
    await until(() => workers.running() === 1, 'it runs');
    const stopped = workers.stop({ graceMs: 3_600_000 });
    expect(await workers.stop({ graceMs: 0 })).toEqual({ left: 1 });
    expect(await stopped).toEqual({ left: 1 });
    expect(await queues.stateOf('deaf', id)).toBe('active');
    release();
    await until(() => workers.running() === 0, 'it ended by itself');
  });

  test('a worker that was never started, or whose Redis is away, stops all the same', async () => {
    const queues = bench.produce();
    await expect(
      bench.work([job('x', async () => done(1))], queues, {
        address: { url: 'redis://127.0.0.1:1', from: 'PORT' },
      }),
    ).rejects.toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
  });
});

describe('time', () => {
  test('a job that does not listen loses its place some seconds after its timeout', async () => {
    const queues = bench.produce();
    const clock = fakeClock();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const run = job('deaf', () => held.then(() => done(1)), { timeout: '1m', attempts: 1 });
    const { workers } = await bench.work([run], queues, { clock });
    const id = await queues.enqueue('deaf', {});
    await until(() => workers.running() === 1, 'it runs');
    await clock.advance(60_000);
    expect(await queues.stateOf('deaf', id)).toBe('active');
    await clock.advance(5_000);
    expect(await queues.waitFor('deaf', id)).toMatchObject({
      state: 'failed',
      error: 'E_JOB_TIMEOUT job deaf took longer than its timeout of 60000 ms',
    });
    release();
  });

  test('work that nobody starts makes a worker stuck, unless the queue is paused', async () => {
    const queues = bench.produce();
    const clock = fakeClock();
    const { workers } = await bench.work(
      [job('idle', async () => done(1)), job('other', async () => done(1))],
      queues,
      {
        clock,
        stuckAfterMs: 60_000,
        queue: {
          isHeld: async (name) => name === 'other',
          counts: async () => ({ waiting: 3, active: 0, delayed: 0, failed: 0, completed: 0 }),
        },
      },
    );
    await clock.advance(60_000);
    expect(workers.isStuck()).toBeUndefined();
    await clock.advance(30_000);
    expect(workers.isStuck()).toEqual({ job: 'idle', waiting: 3, forMs: expect.any(Number) });
    await queues.waitFor('idle', await queues.enqueue('idle', {}));
    await until(() => workers.running() === 0, 'it has ended');
    expect(workers.isStuck()).toBeUndefined();
  });
});

describe('worker processes', () => {
  test('a job whose worker is killed runs again in another, no try spent', async () => {
    const queues = bench.produce();
    const [first, second] = [spawnWorker(), spawnWorker()];
    const id = await queues.enqueue('hold', {});
    const [pid] = await until(async () => {
      const pids = await ran();
      return pids.length === 1 && pids;
    }, 'one of them has it');
    const [victim, other] = pid === String(first.pid) ? [first, second] : [second, first];
    victim!.kill('SIGKILL');
    await until(async () => (await ran()).length === 2, 'the other has it');
    expect(await ran()).toEqual([String(victim!.pid), String(other!.pid)]);
    expect(await queues.get('hold', id)).toMatchObject({ state: 'active', stalls: 1, tries: 0 });
  });

  test('SIGTERM hands the job back and the process ends by itself', async () => {
    const queues = bench.produce();
    const child = spawnWorker();
    const id = await queues.enqueue('hold', {});
    await until(async () => (await ran()).length === 1, 'it runs');
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(await queues.get('hold', id)).toMatchObject({ state: 'waiting', stalls: 0, tries: 0 });
  });
});
