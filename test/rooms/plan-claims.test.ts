import { beforeEach, describe, expect, test } from 'vitest';
import type { ClaimedChunk } from '../../src/rooms.ts';
import { chunkRows } from '../../src/rooms.ts';
import { leaseMs, maxTimeMs, names, planRoom, report, taken } from './plan-parts.ts';

const { db, clock, plans, told, open, claim, next, settle, finish, empty } = await planRoom();

beforeEach(empty);

test('a run is carried out chunk by chunk, and is done when all of it is settled', async () => {
  const run = await open(names(1_100));
  const sizes: number[] = [];
  for (let at = 0; at < 3; at++) {
    const chunk = await taken(claim(run));
    expect(chunk.rows).toEqual(chunk.keys.map((_, i) => at * chunkRows + i));
    expect(chunk.keys[0]).toBe(`k${at * chunkRows}`);
    sizes.push(chunk.keys.length);
    await clock.advance(1_000);
    expect((await finish(run)).state).toBe('running');
    await settle(chunk);
  }
  expect(sizes).toEqual([500, 500, 100]);
  expect(await claim(run)).toEqual({ kind: 'ended', why: 'nothing is left' });
  const done = await finish(run);
  expect(done).toMatchObject({
    state: 'done',
    results: { written: 1_100 },
    bytes: 300,
    startedAt: clock.now() - 3_000,
    endedAt: clock.now(),
  });
  expect(done.perSecond).toBeCloseTo(1_100 / 3, 6);
  expect(told.changed.map(({ state }) => state)).toEqual(['queued', 'done']);
  expect(await finish(run)).toEqual(done);
  expect(told.changed).toHaveLength(2);
});

test('workers that ask at once never get the same chunk', async () => {
  const run = await open(names(20 * chunkRows));
  const got: ClaimedChunk[] = [];
  const lane = async (worker: string) => {
    for (;;) {
      const next = await claim(run, worker);
      if (next.kind !== 'chunk') return;
      got.push(next);
      await settle(next);
    }
  };
  await Promise.all(names(8).map(lane));
  expect(got.map(({ chunk }) => chunk).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, i) => i),
  );
  expect(new Set(got.map(({ worker }) => worker)).size).toBe(20);
  expect(await finish(run)).toMatchObject({ state: 'done', results: { written: 20 * chunkRows } });
});

describe('settling a chunk and claiming the next in one go', () => {
  test('carries a run out to its end, each chunk once', async () => {
    const run = await open(names(1_100));
    const chunks: number[] = [];
    let chunk = await claim(run);
    while (chunk.kind === 'chunk') {
      chunks.push(chunk.chunk);
      chunk = await next(chunk);
    }
    expect([chunks, chunk]).toEqual([[0, 1, 2], { kind: 'ended', why: 'nothing is left' }]);
    expect(await finish(run)).toMatchObject({ state: 'done', results: { written: 1_100 } });
  });

  test('gives what was handed back of the chunk itself when nothing else is left', async () => {
    const run = await open(['a', 'b']);
    const rest = await next(await taken(claim(run)), ['written', 'planned']);
    expect(rest).toMatchObject({ kind: 'chunk', keys: ['b'], rows: [1] });
  });

  test('settles nothing that another has taken over, and claims none of it', async () => {
    const run = await open(names(2 * chunkRows));
    const lost = await taken(claim(run));
    await clock.advance(leaseMs);
    const held = await taken(claim(run, 'w2'));
    expect(held.chunk).toBe(lost.chunk);
    expect(await next(lost, 'failed')).toMatchObject({ kind: 'chunk', chunk: 1 });
    expect(await plans.run(run)).toMatchObject({ results: { planned: 2 * chunkRows } });
  });

  test('settles what was done of a run that was paused or cancelled, and claims no more of it', async () => {
    const run = await open(names(2 * chunkRows));
    const first = await taken(claim(run));
    await plans.control(run, 'pause');
    expect(await next(first)).toEqual({ kind: 'paused' });
    await plans.control(run, 'resume');
    const second = await taken(claim(run));
    await plans.control(run, 'cancel');
    expect(await next(second)).toMatchObject({ kind: 'ended' });
    expect(await finish(run)).toMatchObject({ state: 'cancelled', results: { written: 2 * chunkRows } });
  });
});

test('who finds nothing but what others hold waits, no longer than their claims', async () => {
  const run = await open(['a']);
  const chunk = await taken(claim(run));
  expect(await claim(run, 'w2')).toEqual({ kind: 'wait', ms: 1_000 });
  await clock.advance(leaseMs - 300);
  expect(await claim(run, 'w2')).toEqual({ kind: 'wait', ms: 300 });
  await settle(chunk);
  expect(await claim(run, 'w2')).toEqual({ kind: 'ended', why: 'nothing is left' });
});

describe('a worker that dies', () => {
  test('leaves its chunk to others when its time is over', async () => {
    const run = await open(['a']);
    const lost = await taken(claim(run, 'dead'));
    await clock.advance(leaseMs - 1);
    expect((await claim(run, 'w2')).kind).toBe('wait');
    await clock.advance(1);
    const again = await taken(claim(run, 'w2'));
    expect(again).toEqual({ ...lost, worker: again.worker, leftMs: lost.leftMs - leaseMs });
    expect(again.worker).not.toBe(lost.worker);
  });

  test('and comes back settles nothing that another has taken over', async () => {
    const run = await open(['a', 'b']);
    const lost = await taken(claim(run, 'w1'));
    await clock.advance(leaseMs);
    // The same worker in its next life: only the claim tells them apart.
    const held = await taken(claim(run, 'w1'));
    await settle(lost, 'failed');
    expect(await plans.run(run)).toMatchObject({ results: { planned: 2 }, bytes: 0 });
    await settle(held, ['written', 'missing']);
    await settle(lost, 'failed');
    expect(await finish(run)).toMatchObject({
      state: 'done',
      results: { written: 1, missing: 1 },
      bytes: 100,
    });
  });

  test('late, but before anybody else wanted its chunk, settles it', async () => {
    const run = await open(['a']);
    const chunk = await taken(claim(run));
    await clock.advance(leaseMs + 5);
    await settle(chunk);
    expect((await finish(run)).results).toEqual({ written: 1 });
  });
});

describe('a chunk that is handed back', () => {
  test('is claimed again without the rows that were settled', async () => {
    const run = await open(['a', 'b', 'c', 'd']);
    await settle(await taken(claim(run)), ['written', 'planned', 'busy', 'planned']);
    expect(await plans.run(run)).toMatchObject({
      state: 'running',
      results: { written: 1, busy: 1, planned: 2 },
    });
    const rest = await taken(claim(run, 'w2'));
    expect(rest).toMatchObject({ keys: ['b', 'd'], rows: [1, 3] });
    await settle(rest, ['planned', 'lost']);
    const last = await taken(claim(run));
    expect(last).toMatchObject({ keys: ['b'], rows: [1] });
    await settle(last, ['fresh']);
    expect(await finish(run)).toMatchObject({ state: 'partial', bytes: 300 });
    expect(await db.rows('select result from samovar.plan_row order by row')).toEqual(
      ['written', 'fresh', 'busy', 'lost'].map((result) => ({ result })),
    );
  });

  test('with fewer results than rows has told nothing of the others', async () => {
    const run = await open(['a', 'b', 'c']);
    await settle(await taken(claim(run)), ['written']);
    expect((await taken(claim(run))).keys).toEqual(['b', 'c']);
  });

  test('in the second half of a plan keeps its row numbers', async () => {
    const run = await open(names(700));
    await settle(await taken(claim(run)));
    const second = await taken(claim(run));
    await settle(
      second,
      second.keys.map((_, i) => (i === 3 ? 'planned' : 'written')),
    );
    const rest = await taken(claim(run));
    expect(rest).toMatchObject({ keys: ['k503'], rows: [503] });
    await settle(rest);
    expect(await finish(run)).toMatchObject({ state: 'done', results: { written: 700 } });
  });
});

describe('the first thing that went wrong', () => {
  test('is told of the run, without keys', async () => {
    const run = await open(['a', 'b']);
    const error = { code: 'E_LOAD_FAILED', message: 'the loader threw: no such table' };
    const chunk = await taken(claim(run));
    await plans.settle(chunk, report(chunk, ['failed', 'planned'], { error }), clock.now());
    const rest = await taken(claim(run));
    await plans.settle(
      rest,
      report(rest, 'written', { error: { code: 'E_OTHER', message: 'later' } }),
      clock.now(),
    );
    expect(await finish(run)).toMatchObject({
      state: 'partial',
      error: 'E_LOAD_FAILED: the loader threw: no such table',
    });
  });
});

describe('time', () => {
  test('that is over ends a run: what is left is out of budget', async () => {
    const run = await open(names(1_001));
    await settle(await taken(claim(run)));
    await clock.advance(maxTimeMs);
    expect(await claim(run)).toEqual({ kind: 'ended', why: 'its time is over' });
    expect(await finish(run)).toMatchObject({
      state: 'partial',
      why: 'its time was over',
      results: { written: 500, budget: 501 },
    });
  });

  test('that is over leaves a chunk under way to its worker', async () => {
    const run = await open(['a', 'b']);
    await clock.advance(maxTimeMs - 1);
    const chunk = await taken(claim(run));
    await clock.advance(1);
    expect((await claim(run, 'w2')).kind).toBe('wait');
    expect((await finish(run)).state).toBe('running');
    await settle(chunk, ['written', 'planned']);
    expect(await claim(run)).toEqual({ kind: 'ended', why: 'its time is over' });
    expect(await finish(run)).toMatchObject({ state: 'partial', results: { written: 1, budget: 1 } });
  });

  test('left is told while it runs', async () => {
    const run = await open(names(1_500));
    const first = await taken(claim(run));
    await clock.advance(2_000);
    await settle(first);
    const shown = (await plans.run(run))!;
    expect(shown.perSecond).toBe(250);
    expect(shown.etaMs).toBe(4_000);
  });
});

test('a run that does not exist is nobody’s', async () => {
  expect(await claim(999)).toEqual({ kind: 'ended', why: 'there is no such run' });
  expect(await plans.run(999)).toBeUndefined();
  await expect(finish(999)).rejects.toMatchObject({ code: 'E_UNKNOWN_RUN' });
});
