import { afterEach, describe, expect, test } from 'vitest';
import { SamovarError } from '../../src/errors.ts';
import { cancel, done, snooze } from '../../src/job.ts';
import type { JobHistory } from '../../src/queue/record.ts';
import { redis, until } from '../support/index.ts';
import { job, untilAborted } from './jobs.ts';
import { queueBench } from './queue.ts';

const queue = await redis('queue');
const bench = queueBench(queue.url);
afterEach(() => queue.flush());

const idle = { waiting: 0, active: 0, delayed: 0, failed: 0, completed: 0 };

describe('outcomes', () => {
  test('done: the result is kept and the payload arrives', async () => {
    const queues = bench.produce();
    const { outcomes } = await bench.work([job('add', async ({ n }) => done(n + 1))], queues);
    const id = await queues.enqueue('add', { n: 41 });
    expect(await queues.waitFor('add', id)).toMatchObject({ state: 'completed', result: 42, tries: 1 });
    expect(outcomes()).toEqual(['done']);
    expect(await queues.counts('add')).toEqual({ ...idle, completed: 1 });
  });

  test('cancel: it has ended and tells why', async () => {
    const queues = bench.produce();
    const { outcomes } = await bench.work([job('no', async () => cancel('nothing to do'))], queues);
    const id = await queues.enqueue('no', {});
    expect(await queues.waitFor('no', id)).toMatchObject({
      state: 'completed',
      result: { cancelled: 'nothing to do' },
    });
    expect(outcomes()).toEqual(['cancel']);
  });

  test('snooze: it comes back and no try is spent', async () => {
    const queues = bench.produce();
    const attempts: number[] = [];
    const run = job(
      'later',
      async (_payload, { attempt }) => {
        attempts.push(attempt);
        return attempts.length === 1 ? snooze(50, 'not yet') : done('now');
      },
      { attempts: 1 },
    );
    const { outcomes } = await bench.work([run], queues);
    const id = await queues.enqueue('later', {});
    expect(await queues.waitFor('later', id)).toMatchObject({ state: 'completed', result: 'now' });
    expect(attempts).toEqual([1, 1]);
    expect(outcomes()).toEqual(['snooze', 'done']);
  });

  test('a thrown error is tried again after a pause, as often as the job says', async () => {
    const queues = bench.produce();
    const attempts: number[] = [];
    const run = job(
      'shaky',
      async (_payload, { attempt }) => {
        attempts.push(attempt);
        throw new Error('redis://me:secret@host is away');
      },
      { attempts: 2 },
    );
    const { outcomes } = await bench.work([run], queues);
    const id = await queues.enqueue('shaky', {});
    const view = await queues.waitFor('shaky', id);
    expect(view).toMatchObject({ state: 'failed', tries: 2, error: 'redis://me:***@host is away' });
    expect(attempts).toEqual([1, 2]);
    expect(outcomes()).toEqual(['retry', 'failed']);
    expect(JSON.stringify(await queue.client.hgetall(`{sv}:shaky:${id}`))).not.toContain('secret');
  });

  test.each(['E_PAYLOAD', 'E_CONFIG', 'E_LOAD_SHAPE', 'E_UNKNOWN_CACHE'] as const)(
    '%s is not tried again',
    async (code) => {
      const queues = bench.produce();
      const run = job('wrong', async () => {
        throw new SamovarError(code, 'this stays wrong');
      });
      const { outcomes } = await bench.work([run], queues);
      const id = await queues.enqueue('wrong', {});
      expect(await queues.waitFor('wrong', id)).toMatchObject({
        state: 'failed',
        tries: 1,
        error: `${code} this stays wrong`,
      });
      expect(outcomes()).toEqual(['failed']);
    },
  );

  test('a payload that the job does not take fails at once, naming the field', async () => {
    const queues = bench.produce();
    let runs = 0;
    await bench.work([job('typed', async () => done(++runs))], queues);
    const id = await queues.enqueue('typed', { n: 'many' });
    const view = await queues.waitFor('typed', id);
    expect(view).toMatchObject({ state: 'failed', tries: 1 });
    expect(view!.error).toMatch(/^E_PAYLOAD job typed: `payload\.n`/);
    expect(runs).toBe(0);
  });

  test('a run that returns no outcome fails and says what to return', async () => {
    const queues = bench.produce();
    await bench.work([job('mute', async () => undefined)], queues);
    const view = await queues.waitFor('mute', await queues.enqueue('mute', {}));
    expect(view!.error).toMatch(/^E_CONFIG job mute returned undefined; .*done\(result\)/);
  });

  test('a job that takes longer than its timeout is told so and fails', async () => {
    const queues = bench.produce();
    const run = job('slow', (_payload, { signal }) => untilAborted(signal), { timeout: '50ms', attempts: 1 });
    await bench.work([run], queues);
    const view = await queues.waitFor('slow', await queues.enqueue('slow', {}));
    expect(view!.error).toBe('E_JOB_TIMEOUT job slow took longer than its timeout of 50 ms');
  });
});

describe('workers', () => {
  test('an old name of a job is worked off too', async () => {
    const queues = bench.produce();
    const names: string[] = [];
    await bench.work(
      [job('refresh', async ({ n }) => done(names.push(`n${n}`)), { aliases: ['reload'] })],
      queues,
    );
    await queues.waitFor('reload', await queues.enqueue('reload', { n: 7 }));
    expect(names).toEqual(['n7']);
  });

  test('only what was asked for is worked, and an unknown name is an error', async () => {
    const queues = bench.produce();
    const jobs = [job('collect', async () => done(1)), job('warm', async () => done(2))];
    const { workers } = await bench.work(jobs, queues, { only: ['warm'] });
    expect(workers.jobs).toEqual(['warm']);
    const left = await queues.enqueue('collect', {});
    await queues.waitFor('warm', await queues.enqueue('warm', {}));
    expect(await queues.stateOf('collect', left)).toBe('waiting');
    await expect(bench.work(jobs, queues, { only: ['worm'] })).rejects.toThrow(
      "there is no job 'worm', did you mean 'warm'?",
    );
    await expect(
      bench.work([...jobs, job('w', async () => done(1), { aliases: ['warm'] })], queues),
    ).rejects.toThrow("two jobs are called 'warm'");
  });

  test('as many run at once as the configuration allows', async () => {
    const queues = bench.produce();
    let now = 0;
    let most = 0;
    const run = job('wide', async () => {
      most = Math.max(most, ++now);
      await until(() => most === 3, 'three run at once');
      now--;
      return done(1);
    });
    for (let i = 0; i < 6; i++) await queues.enqueue('wide', {});
    const { ended } = await bench.work([run], queues, { concurrency: { wide: 3 } });
    await until(() => ended.length === 6, 'all have run');
    expect(most).toBe(3);
  });

  test('each try is written into the history, with its schedule and slot', async () => {
    const queues = bench.produce();
    const begun: unknown[] = [];
    const ends: unknown[] = [];
    const history: JobHistory = {
      begin: async (run) => begun.push(run),
      end: async (id, ended) => void ends.push([id, ended]),
    };
    let tries = 0;
    const run = job('told', async (_payload, { at }) => {
      if (++tries === 1) throw new Error('first');
      return done({ at });
    });
    await bench.work([run], queues, { history, worker: 'me' });
    await queues.waitFor('told', await queues.enqueue('told', {}, { schedule: 'hourly', slot: 3_600_000 }));
    const common = {
      job: 'told',
      jobId: 'hourly@3600000',
      worker: 'me',
      schedule: 'hourly',
      slot: 3_600_000,
    };
    expect(begun).toEqual([
      { ...common, attempt: 1, startedAt: expect.any(Number) },
      { ...common, attempt: 2, startedAt: expect.any(Number) },
    ]);
    expect(ends).toEqual([
      [1, { endedAt: expect.any(Number), outcome: 'retry', error: 'first' }],
      [2, { endedAt: expect.any(Number), outcome: 'done', result: { at: 3_600_000 } }],
    ]);
  });

  test('a history that fails does not fail the job', async () => {
    const queues = bench.produce();
    const history: JobHistory = {
      begin: () => Promise.reject(new Error('Postgres is away')),
      end: () => Promise.reject(new Error('never reached')),
    };
    const { outcomes } = await bench.work([job('sure', async () => done('yes'))], queues, { history });
    expect(await queues.waitFor('sure', await queues.enqueue('sure', {}))).toMatchObject({ result: 'yes' });
    expect(outcomes()).toEqual(['done']);
  });

  test('progress can be watched', async () => {
    const queues = bench.produce();
    let mayEnd = false;
    const run = job('steps', async (_payload, { progress }) => {
      await progress({ done: 3, of: 10 });
      await until(() => mayEnd, 'the test has looked');
      return done(1);
    });
    await bench.work([run], queues);
    const id = await queues.enqueue('steps', {});
    const view = await until(async () => {
      const seen = await queues.get('steps', id);
      return seen?.state === 'active' && seen.progress !== undefined && seen;
    }, 'progress is seen');
    expect(view).toMatchObject({ state: 'active', progress: { done: 3, of: 10 } });
    mayEnd = true;
    await queues.waitFor('steps', id);
  });

  test('of steps that follow one another at once the last is told', async () => {
    const queues = bench.produce();
    let mayEnd = false;
    const run = job('quick', async (_payload, { progress }) => {
      for (let step = 1; step <= 10; step++) await progress({ done: step });
      await until(() => mayEnd, 'the test has looked');
      return done(1);
    });
    await bench.work([run], queues);
    const id = await queues.enqueue('quick', {});
    const told = new Set<number>();
    await until(async () => {
      const progress = (await queues.get('quick', id))?.progress as { done: number } | undefined;
      if (progress) told.add(progress.done);
      return told.has(10);
    }, 'the last step is told');
    // Each telling costs the queue several commands: most steps are not told.
    expect(told.size).toBeLessThanOrEqual(3);
    mayEnd = true;
    await queues.waitFor('quick', id);
  });

  test('a job that ends has told its last step', async () => {
    const queues = bench.produce();
    const run = job('brief', async (_payload, { progress }) => {
      await progress({ done: 1 });
      await progress({ done: 2 });
      return done(1);
    });
    await bench.work([run], queues);
    const id = await queues.enqueue('brief', {});
    await queues.waitFor('brief', id);
    expect((await queues.get('brief', id))?.progress).toEqual({ done: 2 });
  });
});
