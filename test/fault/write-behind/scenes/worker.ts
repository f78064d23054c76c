import assert from 'node:assert/strict';
import { systemClock as clock } from '../../../../src/clock.ts';
import { openRedis } from '../../../../src/connect.ts';
import { createProducer } from '../../../../src/queue/producer.ts';
import { until } from '../../../support/until.ts';
import { clean } from '../clean.ts';
import { cache, prefix } from '../options.ts';
import { progress, queueDatabase, type Rig } from '../rig.ts';
import { type Opening, type Scene, settled } from './scene.ts';

/** Only a job that asks for all finds something to do. */
const never = 3_600_000;

function openQueue({ rig, later }: Pick<Opening, 'rig' | 'later'>) {
  const address = { url: `${rig.redis.url}/${queueDatabase}`, from: 'the test' };
  const redis = openRedis({ role: 'queue', ...address });
  const producer = createProducer({ redis, address, prefix, clock });
  redis.connect().catch(() => {}); // asked again by whoever uses it
  later(async () => {
    await producer.close();
    redis.disconnect();
  });
  return {
    flush: () => producer.enqueue('flush', { cache, all: true }),
    ended: (id: string) => producer.waitFor('flush', id, { timeoutMs: 20_000 }),
  };
}
const pendingOf = async ({ dirty }: Rig) => (await dirty.ledger(cache)).pending;

export const workerScenes: readonly Scene[] = [
  {
    name: 'a flush job whose workers are killed one after the other is given up, and no write with it',
    rows: '2',
    isQuick: false,
    // Locks and leases that are soon over: three deaths take minutes otherwise.
    edits: [
      {
        file: 'src/queue/workers.ts',
        from: '{ lockMs: 30_000, stalledMs: 5_000, maxStalls: 2 }',
        to: '{ lockMs: 1_000, stalledMs: 300, maxStalls: 2 }',
      },
      { file: 'src/compose/flushers.ts', from: 'const leaseMs = 10_000;', to: 'const leaseMs = 400;' },
    ],
    async play(opening) {
      const stage = await opening.stage();
      const queue = openQueue(opening);
      await stage.client();
      await progress(stage);
      const failpoint = { point: 'sql-sent', action: 'kill' } as const;
      const id = await queue.flush();
      for (let time = 0; time < 3; time++) {
        const worker = await stage.worker({ delayMs: never, failpoint });
        await until(() => !worker.isAlive, 'the job has killed a worker', { timeoutMs: 30_000 });
      }
      // One that has nothing to do but to find the job dead.
      const next = await stage.worker({ delayMs: never });
      const job = await queue.ended(id);
      assert.equal(job?.state, 'failed');
      assert.match(String(job?.error), /stalled/);
      await next.kill();
      await stage.worker();
      await progress(stage);
      return clean(stage, { ...settled, leastOk: 100, leastFaults: { 'kill at sql-sent': 3 } });
    },
  },
  {
    name: 'a queue that is emptied takes no write with it, and works again',
    rows: '28',
    isQuick: true,
    async play(opening) {
      const stage = await opening.stage();
      const queue = openQueue(opening);
      await Promise.all([stage.client(), stage.worker()]);
      for (let time = 0; time < 3; time++) {
        await progress(stage, 60);
        await queue.flush();
        stage.fault('empty the queue');
        await opening.rig.admin.multi().select(queueDatabase).flushdb().select(0).exec();
      }
      await progress(stage, 60);
      assert.equal((await queue.ended(await queue.flush()))?.state, 'completed');
      return clean(stage, { ...settled, leastOk: 150, leastFaults: { 'empty the queue': 3 } });
    },
  },
  {
    name: 'a worker that is told to end flushes what it has',
    rows: '29',
    isQuick: true,
    async play({ rig, stage: open }) {
      const stage = await open();
      const [client, worker] = await Promise.all([stage.client(), stage.worker({ delayMs: never })]);
      await progress(stage);
      await client.stop();
      assert(await pendingOf(rig), 'there is nothing to flush');
      stage.fault('end a worker');
      worker.signal('SIGTERM');
      await worker.gone;
      assert.equal(await pendingOf(rig), 0);
      return clean(stage, { ...settled, leastOk: 100, leastFaults: { 'end a worker': 1 } });
    },
  },
  {
    name: 'a worker whose grace is over ends all the same, and leaves its writes to the next',
    rows: '29',
    isQuick: true,
    async play({ rig, stage: open }) {
      const stage = await open();
      const [, worker] = await Promise.all([stage.client(), stage.worker({ graceMs: 600 })]);
      await progress(stage);
      stage.fault('end a worker while Postgres is silent');
      rig.postgresProxy.blackHole('from-server');
      worker.signal('SIGTERM');
      // Its statement is never answered.
      await until(() => !worker.isAlive, 'it has ended', { timeoutMs: 30_000 });
      rig.postgresProxy.cut();
      rig.postgresProxy.pass();
      await stage.worker();
      await progress(stage);
      const leastFaults = { 'end a worker while Postgres is silent': 1 };
      return clean(stage, { ...settled, leastOk: 100, leastFaults });
    },
  },
];
