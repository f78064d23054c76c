import assert from 'node:assert/strict';
import { createDirtyRecords } from '../../../../src/dirty/postgres.ts';
import { createRedisDirty } from '../../../../src/dirty/redis.ts';
import { isSamovarError } from '../../../../src/errors.ts';
import { until } from '../../../support/until.ts';
import { clean } from '../clean.ts';
import { cache, prefix } from '../options.ts';
import { progress, type Rig } from '../rig.ts';
import { type Opening, type Scene, settled } from './scene.ts';

const countOf = async ({ pool }: Rig, of: string): Promise<number> =>
  (await pool.query<{ n: number }>(`select count(*)::int as n from ${of}`)).rows[0]!.n;

/** So many keys are dirty at once, and their flusher is killed when half of them are written. */
async function killAtHalf({ rig, stage: open }: Opening, keys: number): Promise<undefined> {
  const stage = await open({ flusher: { batch: 500, delayMs: 0 } });
  const { dirty } = rig;
  const marks = { soft: keys, hard: keys };
  const body = JSON.stringify('x'.repeat(100));
  for (let from = 0; from < keys; from += 5_000)
    await Promise.all(
      Array.from({ length: Math.min(5_000, keys - from) }, (_, i) => {
        const key = `k${from + i}`;
        return dirty.write(cache, { key, form: { body, flags: 0 }, operation: key }, marks);
      }),
    );
  const first = await stage.flusher();
  await until(async () => (await countOf(rig, 'effect')) >= keys / 2, 'half of them are written', {
    timeoutMs: 120_000,
  });
  await first.kill();
  assert((await dirty.ledger(cache)).pending > 0, 'nothing was left when the flusher was killed');
  await stage.flusher();
  await until(async () => (await dirty.ledger(cache)).pending === 0, 'all are written', {
    timeoutMs: 240_000,
  });
  assert.equal(await countOf(rig, 'item'), keys);
  // Each once, though some were sent again.
  assert.equal(await countOf(rig, 'effect'), keys);
  const { accepted, flushed, difference } = await dirty.ledger(cache);
  assert.deepEqual({ accepted, flushed, difference }, { accepted: keys, flushed: keys, difference: 0 });
  return undefined;
}

const isRefused = (error: unknown): true => {
  assert(isSamovarError(error) && error.code === 'E_BUFFER');
  return true;
};

export const loadScenes: readonly Scene[] = [
  {
    name: 'a flusher that is killed at half of 50,000 dirty keys leaves the rest to the next, each once',
    rows: '25',
    isQuick: true,
    play: (opening) => killAtHalf(opening, 50_000),
  },
  {
    name: 'the same with a million',
    rows: '25',
    isQuick: false,
    play: (opening) => killAtHalf(opening, 1_000_000),
  },
  {
    name: 'a key that is written without end is flushed again and again, and holds up no other',
    rows: '26',
    isQuick: true,
    async play({ rig, stage: open }) {
      const stage = await open({ flusher: { delayMs: 500 }, client: { callers: 24, restMs: 2, hotKeys: 1 } });
      await Promise.all([stage.client(), stage.flusher()]);
      await until(
        async () => (await countOf(rig, "effect where key = 'h:0'")) >= 4,
        'the hot key was flushed four times',
        { timeoutMs: 30_000 },
      );
      assert((await countOf(rig, "item where key like 'u:%'")) > 0, 'others were held up');
      const { history, verdict } = await stage.finish({ ...settled, leastOk: 200 });
      assert.equal(verdict.result, 'clean');
      const rows = history.end.effects.filter(({ key }) => key === 'h:0').length;
      const writes = history.writesOf.get('h:0')!.length;
      assert(rows * 3 < writes, `${writes} writes of one key were ${rows} rows`);
      return undefined;
    },
  },
  {
    name: 'another number of partitions is refused, and entries of another format stay and hold up nobody',
    rows: '31',
    isQuick: true,
    async play({ rig, stage: open }) {
      const stage = await open();
      const { admin, pool, dirty } = rig;
      await createDirtyRecords(pool).check(prefix, dirty.partitions);
      await Promise.all([stage.client(), stage.flusher()]);
      await progress(stage);
      const partitions = dirty.partitions / 2;
      await assert.rejects(createRedisDirty(admin, { prefix, partitions }).open(), isRefused);
      await assert.rejects(createDirtyRecords(pool).check(prefix, partitions), isRefused);
      stage.fault('entries of another format');
      const at = (p: number) => `${prefix}:{wb:${cache}#${p}}:`;
      for (let p = 0; p < 8; p++)
        await admin
          .multi()
          .hset(`${at(p)}d`, 'other', '2other')
          .zadd(`${at(p)}z`, 1, 'other')
          .exec();
      await progress(stage);
      const others = async () => (await dirty.ledger(cache)).pending;
      await stage.clients[0]!.stop();
      await until(async () => (await others()) === 8, 'all that can be read is flushed');
      for (let p = 0; p < 8; p++) {
        assert.equal(await admin.hget(`${at(p)}d`, 'other'), '2other');
        await admin
          .multi()
          .hdel(`${at(p)}d`, 'other')
          .zrem(`${at(p)}z`, 'other')
          .exec();
      }
      return clean(stage, { ...settled, leastOk: 150, leastFaults: { 'entries of another format': 1 } });
    },
  },
  {
    name: 'a flusher whose event loop stands still beyond its lease writes nothing when it goes on',
    rows: '32',
    isQuick: true,
    async play({ stage: open }) {
      const stage = await open({ flusher: { leaseMs: 600 } });
      await stage.client();
      const blocked = await stage.flusher({ failpoint: { point: 'after-claim', action: 'block' } });
      await until(() => blocked.events().some(({ e }) => e === 'fault'), 'it stands still');
      const next = await stage.flusher();
      await until(() => next.events().some(({ e }) => e === 'wrote'), 'another one goes on');
      blocked.unblock();
      await progress(stage);
      const verdict = await clean(stage, {
        ...settled,
        leastOk: 100,
        leastFaults: { 'block at after-claim': 1 },
      });
      assert(verdict.fenced > 0, 'it wrote as if it still had its lease');
      return verdict;
    },
  },
];
