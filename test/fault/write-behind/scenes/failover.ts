import assert from 'node:assert/strict';
import { until } from '../../../support/until.ts';
import { clean } from '../clean.ts';
import { monotonic } from '../log.ts';
import { openReplica } from '../replica.ts';
import { progress } from '../rig.ts';
import { type Scene, settled } from './scene.ts';

const leastFaults = { 'promote a replica': 1 };

export const failoverScenes: readonly Scene[] = [
  {
    name: 'a replica that is promoted lacks what it was not told, and brings nothing back',
    rows: '16',
    isQuick: false,
    rig: {},
    async play({ rig, stage: open, later }) {
      const stage = await open();
      const replica = await openReplica(rig);
      later(replica.close);
      const [, flusher] = await Promise.all([stage.client(), stage.flusher()]);
      await progress(stage);
      const lostFrom = monotonic() - 1_000_000;
      replica.fallBehind();
      // Of what the replica lacks the origin has heard some, and some it never will.
      await progress(stage);
      await flusher.stop();
      await progress(stage);
      await replica.promote();
      stage.fault('promote a replica', lostFrom);
      await stage.flusher();
      await progress(stage);
      const verdict = await clean(stage, { ...settled, leastOk: 200, leastFaults });
      assert(verdict.forgiven > 0, 'nothing was lost with the first server: the scene shows nothing');
      return verdict;
    },
  },
  {
    name: 'what replicas:1 acknowledged is on the one that is promoted',
    rows: '16',
    isQuick: false,
    rig: {},
    async play({ rig, stage: open, later }) {
      const stage = await open({ client: { acknowledge: 'replicas:1' } });
      const replica = await openReplica(rig);
      later(replica.close);
      const [client] = await Promise.all([stage.client(), stage.flusher()]);
      await progress(stage);
      const lostFrom = monotonic();
      replica.fallBehind();
      const inDoubt = () => client.events().filter(({ e }) => e === 'info').length;
      await until(() => inDoubt() >= 8, 'nobody is told that writes are safe');
      await replica.promote();
      stage.fault('promote a replica', lostFrom);
      const verdict = await clean(stage, { ...settled, leastOk: 80, leastFaults });
      assert.equal(verdict.forgiven, 0, 'a write was acknowledged that no replica had');
      return verdict;
    },
  },
];
