import { systemClock } from '../src/clock.ts';
import { openRedis } from '../src/connect.ts';
import { atLeast, type Bench, type BenchContext, type BenchRow } from './bench.ts';
import { type Child, frameFile } from './frame/child.ts';
import { fillItems, itemsSettings, openItems } from './frame/items.ts';
import type { PeerSetup, PeerTimes } from './frame/peer.ts';
import { copyItems } from './frame/postgres-copy.ts';
import { interleave, median } from './frame/stats.ts';
import type { EndedRun, WorkerSetup } from './frame/worker.ts';

interface Times {
  readonly perSecond: number;
  readonly cpuUs?: number;
  readonly peakMb?: number;
  readonly planMs?: number;
}

const workerFile = frameFile('worker');
const peerFile = frameFile('peer');
const enough = 0.38;
/** As in the Procfile; the peers run with it, too. */
const nodeOptions = ['--max-semi-space-size=32'];

export const bench: Bench = {
  about: 'rows of 1 KB from Postgres to Redis through the queue, against COPY of the same rows',
  peers: ['bullmq', 'ioredis', 'p-limit'],
  async run(context) {
    const rows = context.quick ? 20_000 : 200_000;
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
      context.log(`${rows} rows, ${context.rounds} rounds`);
      await fillItems(pool, rows);
      const workers = {
        text: await openWorker(context, { ...urls, loader: 'text', top: rows }),
        rows: await openWorker(context, { ...urls, loader: 'rows', top: rows }),
      };
      await workers.text.ask('migrate');
      const afterFlush = (measure: () => Promise<Times>) => async () => {
        await redis.flushall();
        return measure();
      };
      const samovar = (loader: 'text' | 'rows') => afterFlush(() => warmOnce(workers[loader], rows));
      const peer = (question: 'loop' | 'jobs', keys: number) =>
        afterFlush(() => peerOnce(context, question, { ...urls, keys }));
      const results = await interleave<string, Times>(
        context.rounds,
        {
          copy: async () => {
            const from = systemClock.elapsed();
            const copied = await copyItems(pool);
            return { perSecond: (copied * 1_000) / (systemClock.elapsed() - from) };
          },
          text: samovar('text'),
          rows: samovar('rows'),
          loop: peer('loop', rows / 20),
          jobs: peer('jobs', rows / 40),
        },
        { warmUp: !context.quick },
      );
      return report(results);
    } finally {
      redis.disconnect();
      await pool.end();
    }
  },
};

/** Workers live through all rounds, as they do in life; only one of them works at a time. */
async function openWorker(context: BenchContext, setup: WorkerSetup): Promise<Child> {
  const worker = context.child(workerFile, nodeOptions);
  await worker.ask('open', setup);
  return worker;
}

async function warmOnce(worker: Child, rows: number): Promise<Times> {
  await worker.ask('work');
  const { run, planMs } = await worker.ask<{ run: number; planMs: number }>('begin');
  const planned = await worker.ask<{ cpuMs: number }>('usage');
  const { keys, warmMs, state } = await worker.ask<EndedRun>('ended', run);
  const { cpuMs, peakMb } = await worker.ask<{ cpuMs: number; peakMb: number }>('usage');
  await worker.ask('rest');
  if (keys !== rows) throw new Error(`only ${keys} of ${rows} keys were written, the run ended ${state}`);
  return {
    perSecond: (keys * 1_000) / warmMs,
    cpuUs: ((cpuMs - planned.cpuMs) * 1_000) / keys,
    peakMb,
    planMs,
  };
}

async function peerOnce(context: BenchContext, question: 'loop' | 'jobs', setup: PeerSetup): Promise<Times> {
  const peer = context.child(peerFile, nodeOptions);
  await peer.ask('open', setup);
  const { keys, ms, cpuMs, peakMb } = await peer.ask<PeerTimes>(question);
  await peer.kill();
  return { perSecond: (keys * 1_000) / ms, cpuUs: (cpuMs * 1_000) / keys, peakMb };
}

function report(results: Record<string, readonly Times[]>) {
  const of = (name: string, figure: (times: Times) => number | undefined) =>
    median(results[name]!.map((times) => figure(times) ?? Number.NaN));
  const limit = of('copy', ({ perSecond }) => perSecond);
  const copy = 'COPY … TO STDOUT';
  const subjects = {
    text: 'Samovar, loader returns text',
    rows: 'Samovar, loader returns rows',
    loop: 'loop with p-limit(50)',
    jobs: 'BullMQ job per key',
  };
  const rows: BenchRow[] = [{ what: copy, value: limit, unit: 'rows/s', ratio: 1, against: copy }];
  for (const [name, what] of Object.entries(subjects)) {
    const value = of(name, ({ perSecond }) => perSecond);
    rows.push(
      { what, value, unit: 'keys/s', ratio: value / limit, against: copy },
      { what: `${what}: client CPU`, value: of(name, ({ cpuUs }) => cpuUs), unit: 'µs/key' },
      { what: `${what}: peak memory`, value: of(name, ({ peakMb }) => peakMb), unit: 'MB' },
    );
  }
  rows.push({
    what: 'Samovar: planning, before the first key',
    value: of('text', ({ planMs }) => planMs),
    unit: 'ms',
  });
  const ratio = (name: string) => of(name, ({ perSecond }) => perSecond) / limit;
  return { rows, targets: [atLeast(`text through the queue / ${copy}`, ratio('text'), enough)] };
}
