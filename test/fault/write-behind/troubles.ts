import { until } from '../../support/until.ts';
import { type Fault, inTurn } from './nemesis.ts';
import type { FlusherOptions } from './options.ts';
import { progress, type Stage } from './rig.ts';

/** An application and some flushers. */
export const crew = (stage: Stage, flushers = 2) =>
  Promise.all([stage.client(), ...Array.from({ length: flushers }, () => stage.flusher())]);
/** Flushers die at a point, one after the other. */
export const dies = async (
  stage: Stage,
  point: NonNullable<FlusherOptions['failpoint']>['point'],
  times = 1,
) => {
  for (let time = 0; time < times; time++) {
    await progress(stage, 60);
    await (await stage.flusher({ failpoint: { point, action: 'kill', nth: 2 } })).gone;
  }
  await stage.flusher();
  await progress(stage, 60);
};
/** A fault comes while they work. */
export const suffers =
  (fault: Fault, times = 1) =>
  async (stage: Stage) => {
    await crew(stage);
    await inTurn(stage, { fault }, { times });
  };
/** So that keys are written again while a row of theirs is under way. */
export const whilePostgresIsSlow = async (stage: Stage) => {
  await Promise.all([stage.client({ callers: 12 }), stage.flusher()]);
  const { postgresProxy } = stage.rig;
  await progress(stage, 60);
  postgresProxy.delay(150);
  await progress(stage, 1_000);
  postgresProxy.pass();
};
export const rowsAre = async ({ rig }: Stage, wanted: number, where: string) => {
  const count = async () =>
    (await rig.pool.query(`select count(*)::int as n from item where ${where}`)).rows[0].n;
  await until(async () => (await count()) === wanted, `there are ${wanted} rows`);
};
/** One is frozen at a point until another one was granted what it had, and goes on then. */
export async function freezeAt(
  stage: Stage,
  point: NonNullable<FlusherOptions['failpoint']>['point'],
): Promise<void> {
  const before = stage.flushers.filter(({ isAlive }) => isAlive);
  const frozen = await stage.flusher({ failpoint: { point, action: 'stop' } });
  await Promise.all(before.map((each) => each.stop()));
  await until(() => frozen.events().some(({ e }) => e === 'fault'), `one stands at ${point}`);
  const next = await stage.flusher();
  await until(() => next.events().some(({ e }) => e === 'wrote'), 'another one goes on');
  frozen.signal('SIGCONT');
  await progress(stage, 200);
}
