import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { until } from '../support/index.ts';
import { clean } from './write-behind/clean.ts';
import { inTurn, postgresFaults } from './write-behind/nemesis.ts';
import { openRig, progress, type Rig, type Stage } from './write-behind/rig.ts';

/** What Postgres and the way to it do: rows 5 to 10 and 18 of the table in docs/torture.md. */
vi.setConfig({ testTimeout: 120_000 });

let rig: Rig;
let stage: Stage;
beforeAll(async () => {
  // A database whose owner did not ask for commits to be on disk: whoever lets go of writes must.
  rig = await openRig({ postgres: { synchronous_commit: 'off' } });
});
afterEach(() => stage?.clear());
afterAll(() => rig?.close());

test('a Postgres that crashes, hangs up, is slow, away or read-only loses nothing and gets nothing twice', async () => {
  stage = await rig.stage();
  await Promise.all([stage.client(), stage.flusher(), stage.flusher()]);
  const leastFaults = await inTurn(stage, postgresFaults);
  const codes = stage.flushers
    .flatMap((each) => each.events())
    .flatMap((e) => (e.e === 'refused' ? [e.code] : []));
  expect(codes).toEqual(expect.arrayContaining(['53100', '53300', '25006']));
  const again = await inTurn(stage, { crash: postgresFaults['crash Postgres'] }, { times: 2 });
  expect(again).toEqual({ crash: 2 });
  const verdict = await clean(stage, {
    leastOk: 150,
    leastFaults: { ...leastFaults, 'crash Postgres': 3 },
    settleMs: 3_000,
    drainMs: 20_000,
  });
  expect(verdict.dead).toBe(0);
});

const changes = {
  'rename a column': [
    'alter table item rename column value to worth',
    'alter table item rename column worth to value',
  ],
  'drop a column': [
    // The strongest lock first: one that grows waits for those who wait for it.
    `lock table item; alter table item disable trigger note;
     create table kept as select key, value from item; alter table item drop column value`,
    `lock table item; alter table item add column value text;
     update item i set value = k.value from kept k where k.key = i.key;
     alter table item alter column value set not null;
     drop table kept; alter table item enable trigger note`,
  ],
  'take a right away': ['revoke insert, update on item from crew', 'grant insert, update on item to crew'],
} as const;

test.each(Object.entries(changes))(
  '%s: it stops its own writes and no others, buries none, and is written again when mended',
  async (kind, [change, mend]) => {
    stage = await rig.stage();
    await Promise.all([stage.client(), stage.flusher()]);
    await progress(stage);
    stage.fault(kind);
    await rig.pool.query(change);
    const [flusher] = stage.flushers;
    await until(
      () => flusher!.events().some((event) => event.e === 'refused' && event.code.startsWith('42')),
      'a statement was refused',
    );
    await progress(stage);
    await rig.pool.query(mend);
    const verdict = await clean(stage, {
      leastOk: 150,
      leastFaults: { [kind]: 1 },
      settleMs: 3_000,
      drainMs: 20_000,
    });
    expect(verdict.dead).toBe(0);
  },
);
