import { beforeEach, describe, expect, test } from 'vitest';
import { minuteMs } from '../../src/duration.ts';
import { leaseMs, names, openable, planRoom, taken } from './plan-parts.ts';

const { db, clock, plans, told, open, claim, settle, finish, empty } = await planRoom();

beforeEach(empty);

test('a plan is kept row by row, with its reasons', async () => {
  const keys = ['plain', 'with {braces}, "quotes", \\ and\nlines', 'наличие', ...names(998)];
  const opening = openable(keys, clock.now(), { trigger: 'deploy' });
  const opened = await plans.open(opening);
  const id = (opened as { plan: number }).plan;
  const rows = await db.rows('select * from samovar.plan_row where plan_id = $1 order by row', [id]);
  expect(rows).toHaveLength(1_001);
  opening.plan.rows.forEach((row, i) => {
    expect(rows[i]).toMatchObject({
      row: String(i),
      key: row.key,
      source: 'list',
      reason: row.reason,
      cost_ms: 10,
      bytes: 100,
      result: 'planned',
      used: false,
    });
    expect(rows[i]!['heat']).toBeCloseTo(row.heat, 5);
    expect(rows[i]!['saving_ms']).toBeCloseTo(row.savingMs, 5);
  });
  expect(await plans.run(id)).toEqual({
    id,
    cache: 'products',
    state: 'queued',
    trigger: 'deploy',
    at: clock.now(),
    rows: 1_001,
    results: { planned: 1_001 },
    used: 0,
    bytes: 0,
  });
  expect(told.changed).toEqual([{ cache: 'products', run: id, state: 'queued' }]);
});

test('of ten that open at once one runs, and the others are told which', async () => {
  const all = await Promise.all(names(10).map((key) => plans.open(openable([key], clock.now()))));
  const opened = all.flatMap((each) => ('plan' in each ? [each.plan] : []));
  expect(opened).toHaveLength(1);
  expect(all.filter((each) => 'running' in each)).toEqual(new Array(9).fill({ running: opened[0] }));
  expect(await db.rows('select from samovar.plan')).toHaveLength(1);
  expect(await db.rows('select from samovar.plan_chunk')).toHaveLength(1);
});

test('runs of different caches do not stand in the way of each other', async () => {
  const first = await open(['a'], { cache: 'products' });
  const second = await open(['a'], { cache: 'prices' });
  expect(second).not.toBe(first);
  expect(await plans.open(openable(['b'], clock.now(), { cache: 'prices' }))).toEqual({ running: second });
});

test('a run that has ended makes room', async () => {
  const first = await open(['a']);
  await settle(await taken(claim(first)));
  expect((await finish(first)).state).toBe('done');
  expect(await open(['a'])).toBeGreaterThan(first);
});

test('many refused plans spend no number of a cache', async () => {
  await open(['a']);
  for (let i = 0; i < 20; i++) await plans.open(openable(['a'], clock.now()));
  await open(['a'], { cache: 'second' });
  expect(await db.rows('select name, id from samovar.cache order by id')).toEqual([
    { name: 'products', id: expect.any(Number) },
    { name: 'second', id: expect.any(Number) },
  ]);
  const [first, second] = await db.rows<{ id: number }>('select id from samovar.cache order by id');
  expect(second!.id - first!.id).toBe(1);
});

describe('a run that was left behind', () => {
  test('makes room once nobody has worked on it for five minutes', async () => {
    const dead = await open(names(600));
    await settle(await taken(claim(dead)));
    await clock.advance(5 * minuteMs);
    expect(await plans.open(openable(['b'], clock.now()))).toEqual({ running: dead });
    await clock.advance(1);
    const next = await open(['b']);
    expect(await plans.run(dead)).toMatchObject({
      state: 'failed',
      why: 'no worker went on with it',
      endedAt: clock.now(),
      results: { written: 500, budget: 100 },
    });
    expect(await claim(dead)).toEqual({ kind: 'ended', why: 'no worker went on with it' });
    expect(told.changed.slice(-2)).toEqual([
      { cache: 'products', run: dead, state: 'failed' },
      { cache: 'products', run: next, state: 'queued' },
    ]);
  });

  test('is not left behind while a claim of it is alive', async () => {
    const run = await open(['a']);
    await plans.claim(run, { worker: 'slow', now: clock.now(), leaseMs: 20 * minuteMs });
    await clock.advance(10 * minuteMs);
    expect(await plans.open(openable(['b'], clock.now()))).toEqual({ running: run });
  });

  test('is not left behind while it is paused', async () => {
    const run = await open(['a']);
    await plans.control(run, 'pause');
    await clock.advance(60 * minuteMs);
    expect(await plans.open(openable(['b'], clock.now()))).toEqual({ running: run });
    expect(await plans.prune(clock.now())).toMatchObject({ abandoned: 0 });
  });

  test('is ended by pruning as well, with its claim that expired', async () => {
    const run = await open(names(600));
    await taken(claim(run));
    await clock.advance(5 * minuteMs + leaseMs);
    expect(await plans.prune(clock.now())).toMatchObject({ abandoned: 1 });
    expect(await plans.run(run)).toMatchObject({ state: 'failed', results: { budget: 600 } });
  });
});

test('a plan that cannot be kept whole is not kept at all', async () => {
  const opening = openable(names(600), clock.now());
  const rows = opening.plan.rows.map((row, i) => (i === 599 ? { ...row, key: 'a\0b' } : row));
  await expect(plans.open({ ...opening, plan: { ...opening.plan, rows } })).rejects.toThrow();
  expect(await db.rows('select from samovar.plan')).toEqual([]);
  expect(await open(['a'])).toBeGreaterThan(0);
});

test('numbers too large or too small for their columns are kept as near as they go', async () => {
  const opening = openable(['a'], clock.now());
  const rows = opening.plan.rows.map((row) => ({ ...row, heat: 1e-60, costMs: 1e60, bytes: 1e12 }));
  await plans.open({ ...opening, plan: { ...opening.plan, rows } });
  expect(await db.rows('select heat, cost_ms, bytes from samovar.plan_row')).toEqual([
    { heat: 0, cost_ms: Number.POSITIVE_INFINITY, bytes: 2 ** 31 - 1 },
  ]);
});
