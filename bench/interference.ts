import { openRedis } from '../src/connect.ts';
import { atLeast, atMost, type Bench, type BenchContext, type BenchRow } from './bench.ts';
import { type Child, frameFile } from './frame/child.ts';
import { fillItems, itemsSettings, openItems } from './frame/items.ts';
import type { PeerSetup, PeerTimes } from './frame/peer.ts';
import { interleave, median, quantile } from './frame/stats.ts';
import type { LoadTimes, WorkerSetup } from './frame/worker.ts';

interface Times {
  readonly p50: number;
  readonly p99: number;
  /** Keys written per second meanwhile. */
  readonly perSecond: number;
}

const rate = 10_000;
const enough = 8;

export const bench: Bench = {
  about: "an application's GET p99 while a warm runs, idle = 1",
  peers: ['bullmq', 'ioredis', 'p-limit'],
  async run(context) {
    const readMs = context.quick ? 2_000 : 6_000;
    // Enough to be at it for as long as the application reads, start and end included.
    const rows = (rate * (readMs + 4_000)) / 1_000;
    const [cache, queue, postgres] = await Promise.all([
      context.redis('cache', { maxMemory: '2gb' }),
      context.redis('queue'),
      context.postgres(itemsSettings),
    ]);
    const urls = { cacheUrl: cache.url, queueUrl: queue.url, postgresUrl: postgres.url };
    const pool = await openItems(postgres.url, 2);
    const redis = openRedis({ role: 'cache', url: cache.url, from: 'the bench' });
    try {
      await redis.connect();
      context.log(`${rows} rows, ${context.rounds} rounds of ${readMs / 1_000} s each`);
      await fillItems(pool, rows);
      const worker = context.child(frameFile('worker'));
      await worker.ask('open', { ...urls, loader: 'text', top: rows, perSecond: rate } satisfies WorkerSetup);
      await worker.ask('migrate');
      await worker.ask('work');
      const measure = (disturb: (reading: () => Promise<Float64Array>) => Promise<Times>) => async () => {
        await redis.flushall();
        const reader = context.child(frameFile('reader'));
        await reader.ask('open', { cacheUrl: cache.url, keys: 10_000 });
        await reader.ask('read', 300);
        const times = await disturb(() => reader.ask<Float64Array>('read', readMs));
        await reader.kill();
        return times;
      };
      const peer = (question: 'loop' | 'jobs', keys: number) =>
        measure((reading) => besidePeer(context, question, { ...urls, keys }, reading, readMs));
      const results = await interleave<string, Times>(context.rounds, {
        idle: measure(async (reading) => times(await reading(), 0)),
        samovar: measure((reading) => besideWarm(worker, reading, readMs)),
        loop: peer('loop', 4_000 * (readMs / 1_000 + 4)),
        jobs: peer('jobs', 2_500 * (readMs / 1_000 + 4)),
      });
      await worker.ask('stop');
      return report(results);
    } finally {
      redis.disconnect();
      await pool.end();
    }
  },
};

const times = (waits: Float64Array, perSecond: number): Times => ({
  p50: quantile(waits, 0.5),
  p99: quantile(waits, 0.99),
  perSecond,
});

async function besideWarm(
  worker: Child,
  reading: () => Promise<Float64Array>,
  readMs: number,
): Promise<Times> {
  const { run } = await worker.ask<{ run: number }>('begin');
  await worker.ask('takeLoads');
  const waits = await reading();
  const { size } = await worker.ask<LoadTimes>('takeLoads');
  await worker.ask('cancel', run).catch(() => undefined); // it may have ended by itself
  await worker.ask('ended', run);
  return times(waits, (size.reduce((sum, each) => sum + each, 0) * 1_000) / readMs);
}

/** The peer is killed when the application has read long enough: it is slower than that on some machines. */
async function besidePeer(
  context: BenchContext,
  question: 'loop' | 'jobs',
  setup: PeerSetup,
  reading: () => Promise<Float64Array>,
  readMs: number,
): Promise<Times> {
  const peer = context.child(frameFile('peer'));
  await peer.ask('open', setup);
  const working = peer.ask<PeerTimes>(question).catch(() => undefined);
  await peer.ask('begun');
  const before = await peer.ask<number>('warmed');
  const waits = await reading();
  const after = await peer.ask<number>('warmed');
  await peer.kill();
  await working;
  return times(waits, ((after - before) * 1_000) / readMs);
}

function report(results: Record<string, readonly Times[]>) {
  const of = (name: string, figure: (times: Times) => number) => median(results[name]!.map(figure));
  const idle = of('idle', ({ p99 }) => p99);
  const subjects = {
    idle: 'nothing else',
    samovar: 'Samovar',
    loop: 'loop with p-limit(50)',
    jobs: 'BullMQ job per key',
  };
  const rows: BenchRow[] = [];
  for (const [name, what] of Object.entries(subjects)) {
    const p99 = of(name, (times) => times.p99);
    rows.push({ what: `GET p99 beside ${what}`, value: p99, unit: 'ms', ratio: p99 / idle, against: 'idle' });
    rows.push({ what: `GET p50 beside ${what}`, value: of(name, ({ p50 }) => p50), unit: 'ms' });
    if (name !== 'idle')
      rows.push({
        what: `keys warmed by ${what}`,
        value: of(name, ({ perSecond }) => perSecond),
        unit: 'keys/s',
      });
  }
  const ratio = of('samovar', ({ p99 }) => p99) / idle;
  const reached = of('samovar', ({ perSecond }) => perSecond) / rate;
  return {
    rows,
    targets: [
      atMost(`GET p99 at ${rate} keys/s / idle`, ratio, enough),
      // A warm that lags behind disturbs nobody.
      atLeast(`keys warmed / ${rate} a second`, reached, 0.9),
    ],
  };
}
