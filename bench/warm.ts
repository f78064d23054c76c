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

interface Measured extends Times {
  /** What COPY did just before: a machine that others share is not the same from one second to the next. */
  readonly limit: number;
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
      const copy = async (): Promise<number> => {
        const from = systemClock.elapsed();
        const copied = await copyItems(pool);
        return (copied * 1_000) / (systemClock.elapsed() - from);
      };
      const besideCopy = (measure: () => Promise<Times>) => async (): Promise<Measured> => {
        await redis.flushall();
        const limit = await copy();
        return { ...(await measure()), limit };
      };
      const samovar = (loader: 'text' | 'rows') => besideCopy(() => warmOnce(workers[loader], rows));
      const peer = (question: 'loop' | 'jobs', keys: number) =>
        besideCopy(() => peerOnce(context, question, { ...urls, keys }));
      const results = await interleave<string, Measured>(
        context.rounds,
        {
          text: samovar('text'),
          rows: samovar('rows'),
          again: samovar('text'),
          loop: peer('loop', rows / 20),
          jobs: peer('jobs', rows / 40),
        },
        { warmUp: !context.quick },
      );
      // What is judged is measured twice a round.
      results['text']!.push(...results['again']!);
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

function report(results: Record<string, readonly Measured[]>) {
  const of = (name: string, figure: (times: Measured) => number | undefined) =>
    median(results[name]!.map((times) => figure(times) ?? Number.NaN));
  const limit = of('text', (times) => times.limit);
  const ratio = (name: string) => of(name, (times) => times.perSecond / times.limit);
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
      { what, value, unit: 'keys/s', ratio: ratio(name), against: copy },
      { what: `${what}: client CPU`, value: of(name, ({ cpuUs }) => cpuUs), unit: 'µs/key' },
      { what: `${what}: peak memory`, value: of(name, ({ peakMb }) => peakMb), unit: 'MB' },
    );
  }
  rows.push({
    what: 'Samovar: planning, before the first key',
    value: of('text', ({ planMs }) => planMs),
    unit: 'ms',
  });
  return { rows, targets: [atLeast(`text through the queue / ${copy}`, ratio('text'), enough)] };
}
