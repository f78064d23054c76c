import { beforeEach, describe, expect, test } from 'vitest';
import { hourMs, minuteMs } from '../../src/duration.ts';
import type { RowResult, RunState } from '../../src/rooms.ts';
import { until } from '../support/index.ts';
import { leaseMs, maxTimeMs, names, planRoom, taken, ttlMs } from './plan-parts.ts';

const { db, clock, plans, told, open, claim, settle, finish, empty } = await planRoom();

beforeEach(empty);

describe('a run ends as', () => {
  test.each<[RunState, RowResult[]]>([
    ['done', ['written', 'fresh', 'missing', 'busy']],
    ['done', ['fresh', 'fresh']],
    ['partial', ['written', 'failed']],
    ['partial', ['fresh', 'lost']],
    ['partial', ['missing', 'budget']],
    ['failed', ['failed', 'failed']],
    ['failed', ['failed', 'lost', 'budget']],
  ])('%s when its rows are %s', async (state, results) => {
    const run = await open(names(results.length));
    await settle(await taken(claim(run)), results);
    expect((await finish(run)).state).toBe(state);
  });
});

describe('a paused run', () => {
  test('gives no chunk, lets the one under way settle, and goes on where it was', async () => {
    const run = await open(names(700));
    const first = await taken(claim(run));
    expect((await plans.control(run, 'pause')).state).toBe('paused');
    expect(await claim(run)).toEqual({ kind: 'paused' });
    await settle(first);
    expect((await finish(run)).state).toBe('paused');
    expect((await plans.control(run, 'resume')).state).toBe('running');
    expect((await taken(claim(run))).keys[0]).toBe('k500');
  });

  test('has the time that it was paused given back', async () => {
    const run = await open(names(600));
    await clock.advance(maxTimeMs - 1_000);
    const chunk = await taken(claim(run));
    await plans.control(run, 'pause');
    await clock.advance(2 * hourMs);
    await settle(chunk);
    await clock.advance(2 * hourMs);
    await plans.control(run, 'resume');
    await clock.advance(999);
    const rest = await taken(claim(run));
    await clock.advance(1);
    await settle(rest, 'planned');
    expect(await claim(run)).toEqual({ kind: 'ended', why: 'its time is over' });
  });

  test('can be cancelled', async () => {
    const run = await open(names(600));
    await plans.control(run, 'pause');
    expect(await plans.control(run, 'cancel')).toMatchObject({
      state: 'cancelled',
      results: { budget: 600 },
    });
  });
});

describe('a cancelled run', () => {
  test('that nobody works on has ended at once', async () => {
    const run = await open(names(600));
    expect(await plans.control(run, 'cancel')).toMatchObject({ state: 'cancelled', endedAt: clock.now() });
    expect(await claim(run)).toEqual({ kind: 'ended', why: 'cancelled' });
    expect(told.changed.map(({ state }) => state)).toEqual(['queued', 'cancelling', 'cancelled']);
  });

  test('waits for the chunk under way, and gives out no other', async () => {
    const run = await open(names(1_100));
    const chunk = await taken(claim(run));
    expect((await plans.control(run, 'cancel')).state).toBe('cancelling');
    expect((await claim(run, 'w2')).kind).toBe('wait');
    await settle(
      chunk,
      chunk.keys.map((_, i) => (i < 10 ? 'written' : 'planned')),
    );
    expect(await claim(run)).toEqual({ kind: 'ended', why: 'cancelling' });
    expect(await finish(run)).toMatchObject({ state: 'cancelled', results: { written: 10, budget: 1_090 } });
  });

  test('does not wait for a worker that died', async () => {
    const run = await open(['a']);
    await taken(claim(run, 'dead'));
    await plans.control(run, 'cancel');
    expect((await finish(run)).state).toBe('cancelling');
    await clock.advance(leaseMs);
    expect(await claim(run)).toEqual({ kind: 'ended', why: 'cancelling' });
    expect(await finish(run)).toMatchObject({ state: 'cancelled', results: { budget: 1 } });
  });
});

describe('a run can only be', () => {
  test('what its state allows', async () => {
    const run = await open(['a']);
    await expect(plans.control(run, 'resume')).rejects.toThrow(
      `run ${run} of products cannot be resumed: it is queued`,
    );
    await plans.control(run, 'cancel');
    for (const verb of ['pause', 'resume', 'cancel'] as const) {
      await expect(plans.control(run, verb)).rejects.toThrow('it is cancelled');
    }
  });

  test('one that exists', async () => {
    await expect(plans.control(999, 'pause')).rejects.toMatchObject({ code: 'E_UNKNOWN_RUN' });
  });
});

describe('a stopped run', () => {
  test('says why, gives out no more, and is partial', async () => {
    const run = await open(names(1_100));
    await settle(await taken(claim(run)));
    expect(await plans.stop(run, 'memory is 91 % full', clock.now())).toMatchObject({
      state: 'partial',
      why: 'memory is 91 % full',
      results: { written: 500, budget: 600 },
    });
  });

  test('takes back what other lanes hand back', async () => {
    const run = await open(names(1_100));
    const chunk = await taken(claim(run, 'w2'));
    expect((await plans.stop(run, 'memory is full', clock.now())).state).toBe('running');
    await settle(chunk, 'planned');
    expect(await claim(run, 'w2')).toEqual({ kind: 'ended', why: 'memory is full' });
    expect(await finish(run)).toMatchObject({ state: 'failed', results: { budget: 1_100 } });
  });

  test('keeps its first reason', async () => {
    const run = await open(names(600));
    const chunk = await taken(claim(run, 'w2'));
    await plans.stop(run, 'first', clock.now());
    await plans.stop(run, 'second', clock.now());
    await settle(chunk);
    expect((await finish(run)).why).toBe('first');
  });
});

test('runs are listed newest first, of all caches or of one', async () => {
  const first = await open(['a'], { cache: 'products' });
  const second = await open(['a', 'b'], { cache: 'prices' });
  await plans.control(first, 'cancel');
  const third = await open(['a'], { cache: 'products' });
  expect((await plans.list()).map(({ id }) => id)).toEqual([third, second, first]);
  expect((await plans.list({ cache: 'products' })).map(({ id }) => id)).toEqual([third, first]);
  expect(await plans.list({ limit: 1 })).toMatchObject([{ id: third, state: 'queued', rows: 1 }]);
  expect(await plans.list({ cache: 'unheard-of' })).toEqual([]);
});

describe('what was warmed for nothing', () => {
  const use = (run: number, rows: readonly number[]) =>
    db.rows(
      `update samovar.plan_chunk set used = (select b.bits from (select string_agg(
         case when r = any ($2) then '1' else '0' end, '' order by r)::varbit as bits
           from generate_series(first_row, first_row + length(used) - 1) r) b) where plan_id = $1`,
      [run, rows],
    );

  test('is counted once, when the entries have expired', async () => {
    const run = await open(names(503));
    const first = await taken(claim(run));
    await settle(
      first,
      first.keys.map((_, i) => (i < 4 ? 'fresh' : 'written')),
    );
    await settle(await taken(claim(run)), ['written', 'failed', 'written']);
    await finish(run);
    await use(run, [0, 5, 6, 7, 502]);
    await clock.advance(ttlMs + minuteMs);
    expect(await plans.prune(clock.now())).toMatchObject({ closed: 0 });
    await clock.advance(2 * minuteMs);
    const holder = await db.pool.connect();
    try {
      // Both find the run open before either can close it.
      await holder.query('begin; select from samovar.plan for update');
      const both = Promise.all([plans.prune(clock.now()), plans.prune(clock.now())]);
      await until(async () => {
        const waiting = await db.rows(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return waiting.length === 2;
      }, 'both wait for the run');
      await holder.query('commit');
      await both;
    } finally {
      holder.release();
    }
    expect(told.unused).toEqual([{ cache: 'products', entries: 494 }]);
    expect(await plans.run(run)).toMatchObject({ used: 5, unused: 494 });
    await plans.prune(clock.now());
    expect(told.unused).toHaveLength(1);
  });

  test('is not asked of a run that still goes on', async () => {
    const run = await open(names(600));
    await settle(await taken(claim(run)));
    await plans.control(run, 'pause');
    await clock.advance(10 * ttlMs);
    expect(await plans.prune(clock.now())).toMatchObject({ closed: 0 });
  });
});

describe('pruning', () => {
  test('drops plans and tries of jobs that are too old, in batches, and leaves the rest', async () => {
    const ended = async () => {
      const run = await open(['a']);
      await settle(await taken(claim(run)));
      await finish(run);
      return run;
    };
    const old = await ended();
    await clock.advance(14 * 24 * hourMs - hourMs);
    const young = await ended();
    await clock.advance(3 * hourMs);
    await db.rows(
      `insert into samovar.job_run (job, job_id, worker, attempt, started_at)
       select 'warm', i::text, 'w', 1, to_timestamp($1::float8 / 1000) - case when i <= 25000 then interval '15 days' else interval '1 day' end
         from generate_series(1, 25010) i`,
      [clock.now()],
    );
    expect(await plans.prune(clock.now())).toMatchObject({ closed: 2, plans: 1, jobRuns: 25_000 });
    expect(await plans.run(old)).toBeUndefined();
    expect(await plans.run(young)).toBeDefined();
    expect(await db.rows('select from samovar.plan_chunk')).toHaveLength(1);
    expect(await db.rows('select from samovar.job_run')).toHaveLength(10);
  });
});
