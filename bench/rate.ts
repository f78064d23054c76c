import { openRedis } from '../src/connect.ts';
import { type Begun, densest, sparsest } from '../src/demo/measure.ts';
import { atMost, type Bench, type BenchRow } from './bench.ts';
import { frameFile } from './frame/child.ts';
import { openItems } from './frame/items.ts';
import { median } from './frame/stats.ts';
import type { LoadTimes, WorkerSetup } from './frame/worker.ts';

const workerFile = frameFile('worker');
const limit = 500;
const workers = 3;
/** The fleet has started when every worker has had its first turn. */
const startMs = 1_000;
const longMs = 5_000;
const shortMs = 200;

interface Times {
  /** Loads per second, as a share of the limit. */
  readonly mean: number;
  readonly most5s: number;
  readonly least5s: number;
  readonly most200ms: number;
  /** Share of the keys that the busiest worker loaded. */
  readonly busiest: number;
}

export const bench: Bench = {
  about: `${workers} worker processes hold one limit of ${limit} loads a second`,
  async run(context) {
    const seconds = context.quick ? 8 : 20;
    const top = limit * (seconds + 2);
    const [cache, queue, postgres] = await Promise.all([
      context.redis('cache'),
      context.redis('queue'),
      context.postgres(),
    ]);
    const setup: WorkerSetup = {
      cacheUrl: cache.url,
      queueUrl: queue.url,
      postgresUrl: postgres.url,
      loader: 'none',
      top,
      perSecond: limit,
    };
    const redis = openRedis({ role: 'cache', url: cache.url, from: 'the bench' });
    await redis.connect();
    const pool = await openItems(postgres.url, 1);
    await pool.query('create table item as select n as id from generate_series(1, $1::int) n', [top]);
    await pool.end();
    const fleet = Array.from({ length: workers }, () => context.child(workerFile));
    await Promise.all(fleet.map((worker) => worker.ask('open', setup)));
    await fleet[0]!.ask('migrate');
    await Promise.all(fleet.map((worker) => worker.ask('work')));
    const rounds: Times[] = [];
    for (let round = 0; round < context.rounds; round++) {
      context.log(`round ${round + 1} of ${context.rounds}: ${top} keys, about ${seconds + 2} s`);
      const { run } = await fleet[0]!.ask<{ run: number }>('begin');
      const { state } = await fleet[0]!.ask<{ state: string }>('ended', run);
      if (state !== 'done') throw new Error(`the run ended ${state}`);
      rounds.push(judge(await Promise.all(fleet.map((worker) => worker.ask<LoadTimes>('takeLoads')))));
      await redis.flushall();
    }
    await Promise.all(fleet.map((worker) => worker.ask('stop')));
    redis.disconnect();
    return report(rounds);
  },
};

function judge(byWorker: readonly LoadTimes[]): Times {
  const loads: Begun[] = byWorker
    .flatMap(({ at, size }) => at.map((when, i) => ({ at: when, size: size[i]! })))
    .sort((a, b) => a.at - b.at);
  const steady = loads.filter(({ at }) => at >= loads[0]!.at + startMs);
  const total = steady.reduce((sum, { size }) => sum + size, 0);
  const ms = steady.at(-1)!.at - steady[0]!.at;
  const perWorker = byWorker.map(({ size }) => size.reduce((sum, each) => sum + each, 0));
  const share = (count: number, windowMs: number) => (count * 1_000) / windowMs / limit;
  return {
    mean: (total * 1_000) / ms / limit,
    most5s: share(densest(steady, longMs), longMs),
    least5s: share(sparsest(steady, longMs), longMs),
    // Bursts at the start are bursts.
    most200ms: share(densest(loads, shortMs), shortMs),
    busiest: Math.max(...perWorker) / perWorker.reduce((sum, each) => sum + each, 0),
  };
}

function report(rounds: readonly Times[]) {
  const of = (figure: (times: Times) => number) => median(rounds.map(figure));
  const worst = {
    most5s: Math.max(...rounds.map(({ most5s }) => most5s)),
    least5s: Math.min(...rounds.map(({ least5s }) => least5s)),
    most200ms: Math.max(...rounds.map(({ most200ms }) => most200ms)),
  };
  const row = (what: string, ratio: number): BenchRow => ({
    what,
    value: ratio * limit,
    unit: 'keys/s',
    ratio,
    against: 'the limit',
  });
  const rows = [
    row(
      'mean',
      of(({ mean }) => mean),
    ),
    row('most in any 5 s', worst.most5s),
    row('least in any 5 s', worst.least5s),
    row('most in any 200 ms', worst.most200ms),
    { what: 'share of the busiest worker', value: of(({ busiest }) => busiest), unit: 'of all keys' },
  ];
  const off = Math.max(worst.most5s - 1, 1 - worst.least5s);
  return {
    rows,
    targets: [
      atMost('furthest from the limit in any 5 s', off, 0.05),
      atMost('burst in any 200 ms / the limit', worst.most200ms, 1.2),
    ],
  };
}
