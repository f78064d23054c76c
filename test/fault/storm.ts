import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join as joinPath } from 'node:path';
import { systemClock as clock } from '../../src/clock.ts';
import { openRedis } from '../../src/connect.ts';
import { packageRoot } from '../../src/files.ts';
import { createProducer } from '../../src/queue/producer.ts';
import { until } from '../support/until.ts';

/** Its source, also for a bench that is compiled. */
const replicaFile = joinPath(packageRoot, 'test', 'fault', 'replica.ts');

export interface StormResult {
  readonly kills: number;
  /** Seconds that passed while the storm went on: each is a slot. */
  readonly slots: number;
  /** Slots whose job ended well. */
  readonly ran: number;
  /** Runs beyond the first, other than those of a job whose worker was killed in the midst of it. */
  readonly duplicates: number;
  /** Slots that never ran. */
  readonly gaps: number;
  /** Jobs that another replica finished. */
  readonly takenOver: number;
}

/** Keeps a fleet with a schedule of one second going while its replicas are killed at random. */
export async function storm(options: {
  url: string;
  seconds: number;
  replicas: number;
  random: () => number;
}): Promise<StormResult> {
  const { random } = options;
  const address = { url: options.url, from: 'the test' };
  const redis = openRedis({ role: 'queue', ...address });
  await redis.connect();
  const queue = createProducer({ redis, address, prefix: 'sv', clock });
  const fleet: ChildProcess[] = [];
  const join = () => fleet.push(fork(replicaFile, [options.url], { execArgv: ['--import', 'tsx'] }));
  const end = async (replica: ChildProcess, signal: NodeJS.Signals) => {
    if (replica.exitCode !== null || replica.signalCode !== null) return;
    const gone = once(replica, 'exit');
    replica.kill(signal);
    await gone;
  };
  const areReady = async () =>
    (
      await redis.smismember(
        'ready',
        fleet.map((each) => String(each.pid)),
      )
    ).every((is) => is === 1);

  try {
    for (let i = 0; i < options.replicas; i++) join();
    await until(areReady, 'all replicas are up', { timeoutMs: 30_000 });
    const from = Math.ceil(clock.now() / 1_000) * 1_000 + 1_000;
    let kills = 0;
    while (clock.now() < from + options.seconds * 1_000) {
      await clock.sleep(300 + random() * 1_200);
      const [victim] = fleet.splice(Math.floor(random() * fleet.length), 1);
      await end(victim!, 'SIGKILL');
      kills++;
      join();
    }
    await until(areReady, 'all replicas are up again', { timeoutMs: 30_000 });
    const upto = Math.floor(clock.now() / 1_000) * 1_000;
    const slots = Array.from({ length: (upto - from) / 1_000 + 1 }, (_, i) => from + i * 1_000);
    const job = (slot: number) => queue.get('tick', `often@${slot}`);
    for (const slot of slots)
      await until(async () => (await job(slot))?.state === 'completed', 'the slot ran', {
        timeoutMs: 20_000,
      }).catch(
        () => {}, // counted below as a gap
      );
    await Promise.all(fleet.map((each) => end(each, 'SIGTERM')));
    const runs = await redis.hgetall('runs');
    const jobs = await Promise.all(slots.map(job));
    const ran = jobs.filter((each) => each?.state === 'completed').length;
    const extra = jobs.map((each, i) => Number(runs[slots[i]!] ?? 0) - 1 - (each?.stalls ?? 0));
    return {
      kills,
      slots: slots.length,
      ran,
      duplicates: extra.reduce((sum, more) => sum + Math.max(0, more), 0),
      gaps: slots.length - ran,
      takenOver: jobs.filter((each) => (each?.stalls ?? 0) > 0).length,
    };
  } finally {
    await Promise.all(fleet.map((each) => end(each, 'SIGKILL')));
    await queue.close();
    redis.disconnect();
  }
}
