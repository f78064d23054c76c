import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { hasWaitAof } from '../../src/dirty/assured.ts';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import { cutCommand } from './write-behind/aof.ts';
import { clean } from './write-behind/clean.ts';
import { monotonic } from './write-behind/log.ts';
import { clientFaults, inTurn, powerLoss, redisFaults } from './write-behind/nemesis.ts';
import { openRig, progress, type Rig, type Stage } from './write-behind/rig.ts';

/** What Redis, the way to it and applications do: rows 12 to 14, 17 to 19, 21 and 30 of the table in docs/torture.md. */
vi.setConfig({ testTimeout: 120_000 });

// A server that tells when it is on disk need not sync before each answer.
const server = new Redis(inject('queueUrl'));
const { version } = await createRedisDirty(server, { prefix: 'any' })
  .facts()
  .finally(() => server.disconnect());
const kinds = ['everysec', ...(hasWaitAof(version) ? ['everysec and WAITAOF'] : []), 'always'];

describe.each(kinds)('with appendfsync %s', (kind) => {
  const [appendfsync] = kind.split(' ') as [string];
  const isSynced = kind !== 'everysec';
  let rig: Rig;
  let stage: Stage;
  beforeAll(async () => {
    rig = await openRig({ redis: { appendfsync } });
  });
  afterEach(() => stage?.clear());
  afterAll(() => rig?.close());

  const what = isSynced ? 'nothing' : 'at most what its disk was too busy for';
  test(`a Redis that is killed loses ${what}`, async () => {
    stage = await rig.stage({ client: { acknowledge: isSynced ? 'fsync' : 'buffer' } });
    await Promise.all([stage.client(), stage.flusher(), stage.flusher()]);
    const leastFaults = await inTurn(stage, { 'kill Redis': redisFaults['kill Redis'] }, { times: 3 });
    const verdict = await clean(stage, { leastOk: 150, leastFaults, settleMs: 3_000, drainMs: 20_000 });
    if (isSynced) expect(verdict.forgiven).toBe(0);
  });

  if (isSynced) return;

  test('a Redis that is deaf, mute, slow or full, and applications that die, lose nothing and count right', async () => {
    stage = await rig.stage();
    await Promise.all([stage.client(), stage.client(), stage.flusher()]);
    const { 'kill Redis': _, ...faults } = redisFaults;
    const leastFaults = await inTurn(stage, { ...faults, ...clientFaults });
    const verdict = await clean(stage, { leastOk: 150, leastFaults, settleMs: 4_000, drainMs: 20_000 });
    expect(verdict.unknown).toBeGreaterThan(0);
  });

  test('a loss of power takes what was not on disk, and brings nothing back', async () => {
    stage = await rig.stage();
    await Promise.all([stage.client(), stage.flusher()]);
    for (let time = 0; time < 2; time++) {
      await progress(stage);
      await powerLoss(stage, Math.random);
    }
    await progress(stage);
    await clean(stage, { leastOk: 150, leastFaults: { 'lose power': 2 }, settleMs: 3_000, drainMs: 20_000 });
  });

  test('a Redis whose last command was written down in part starts, and is right in all before it', async () => {
    stage = await rig.stage();
    await Promise.all([stage.client(), stage.flusher()]);
    await progress(stage);
    await rig.redis.kill();
    cutCommand(rig.redis.folder!, 17);
    stage.fault('cut the last command', monotonic() - 1_000_000);
    await rig.redis.restart();
    await progress(stage);
    const verdict = await clean(stage, {
      leastOk: 150,
      leastFaults: { 'cut the last command': 1 },
      settleMs: 3_000,
      drainMs: 20_000,
    });
    // One script at most: the writes of one tick.
    expect(verdict.forgiven).toBeLessThanOrEqual(20);
  });
});
