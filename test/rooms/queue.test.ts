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

  test('waiting for a job ends with the time given, or when there is no such job', async () => {
    const queues = bench.produce();
    const id = await queues.enqueue('nobody', {});
    expect(await queues.waitFor('nobody', id, { timeoutMs: 30 })).toMatchObject({ state: 'waiting' });
    expect(await queues.waitFor('nobody', 'never@1')).toBeUndefined();
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
});
