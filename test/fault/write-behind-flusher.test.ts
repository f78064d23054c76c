import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Point } from '../../src/dirty/target.ts';
import { until } from '../support/index.ts';
import { clean } from './write-behind/clean.ts';
import { flusherFaults, inTurn } from './write-behind/nemesis.ts';
import { openRig, type Rig, type Stage } from './write-behind/rig.ts';

/** What flushers meet: rows 1, 3, 4, 6 and 11 of the table in docs/torture.md. */
vi.setConfig({ testTimeout: 120_000 });

const leaseMs = 600;
let rig: Rig;
let stage: Stage;
beforeAll(async () => {
  rig = await openRig();
});
afterEach(() => stage?.clear());
afterAll(() => rig?.close());

// Those before a grant last: who is frozen there has no grant that could be over.
const points: Point[] = [
  'after-claim',
  'sql-sent',
  'after-commit',
  'before-ack',
  'mid-bisect',
  'after-lease',
  'before-epoch',
];
const hit = (action: string) => Object.fromEntries(points.map((point) => [`${action} at ${point}`, 1]));

test('flushers that are killed at every point lose nothing and do nothing twice', async () => {
  stage = await rig.stage({ flusher: { leaseMs }, client: { poison: 0.01 } });
  await Promise.all([stage.client(), stage.client()]);
  const doomed = points.map((point) => stage.flusher({ failpoint: { point, action: 'kill' } }));
  await Promise.all(doomed.map(async (each) => (await each).gone));
  await stage.flusher();
  const verdict = await clean(stage, {
    leastOk: 250,
    leastFaults: hit('kill'),
    settleMs: 3_000,
    drainMs: 30_000,
    rowsPerFault: 200,
  });
  expect(verdict.dead).toBeGreaterThan(0);
});

test('flushers that are frozen at every point beyond their lease write nothing when they wake', async () => {
  stage = await rig.stage({ flusher: { leaseMs }, client: { poison: 0.01 } });
  await Promise.all([stage.client(), stage.client()]);
  let frozen: Awaited<ReturnType<Stage['flusher']>> | undefined;
  for (const point of [...points, undefined]) {
    const next = await stage.flusher(point ? { failpoint: { point, action: 'stop' } } : {});
    const isInPlace = () =>
      next.events().some(({ e }) => (point === undefined ? e === 'grant' : e === 'fault'));
    await until(isInPlace, `one stands at ${point}`, { timeoutMs: 20_000 });
    await frozen?.stop();
    frozen = point ? next : undefined;
  }
  const verdict = await clean(stage, {
    leastOk: 250,
    leastFaults: hit('stop'),
    settleMs: 3_000,
    drainMs: 30_000,
  });
  expect(verdict.fenced).toBeGreaterThan(0);
});

test('flushers that are killed, frozen and robbed of their leases at any moment lose nothing', async () => {
  stage = await rig.stage({ flusher: { leaseMs } });
  await Promise.all([stage.client(), stage.client(), stage.flusher(), stage.flusher()]);
  const leastFaults = await inTurn(stage, flusherFaults, { times: 2 });
  await clean(stage, { leastOk: 250, leastFaults, settleMs: 3_000, drainMs: 30_000, rowsPerFault: 400 });
});

test('rows that are refused, a third of all, are put aside one by one, and none but them', async () => {
  stage = await rig.stage({ client: { poison: 0.3 } });
  await Promise.all([stage.client(), stage.flusher()]);
  await until(() => stage.acknowledged() > 250, 'enough was written');
  const verdict = await clean(stage, { leastOk: 250, settleMs: 3_000, drainMs: 30_000 });
  expect(verdict.dead).toBeGreaterThan(40);
  expect(verdict.poison).toBe(verdict.dead);
});
