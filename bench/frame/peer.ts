import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import pLimit from 'p-limit';
import { systemClock } from '../../src/clock.ts';
import type { Pool } from '../../src/connect.ts';
import { serve, usage } from './child.ts';
import { openItems } from './items.ts';

/** A process that warms a cache as others do: one key at a time. */
export interface PeerSetup {
  readonly cacheUrl: string;
  readonly queueUrl: string;
  readonly postgresUrl: string;
  readonly keys: number;
}

export interface PeerTimes {
  readonly keys: number;
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakMb: number;
}

const concurrency = 50;
const ttlMs = 3_600_000;
const bulk = 1_000;

let setup: PeerSetup;
let pool: Pool;
let redis: Redis;
let warmed = 0;
let tellBegun = () => {};
const begun = new Promise<void>((resolve) => {
  tellBegun = resolve;
});

async function open(given: PeerSetup): Promise<void> {
  setup = given;
  pool = await openItems(setup.postgresUrl, 10);
  redis = new Redis(setup.cacheUrl);
  await warmOne(1);
  warmed = 0;
}

async function warmOne(id: number): Promise<void> {
  const { rows } = await pool.query<{ doc: string }>({
    name: 'item',
    text: 'select doc::text as doc from item where id = $1',
    values: [id],
  });
  if (rows[0]) await redis.set(`item:${id}`, rows[0].doc, 'PX', ttlMs);
  warmed += 1;
}

const warmNext = async (id: number): Promise<void> => {
  await warmOne(id);
  tellBegun();
};

async function measured(work: () => Promise<void>): Promise<PeerTimes> {
  const before = usage();
  const from = systemClock.elapsed();
  await work();
  const ms = systemClock.elapsed() - from;
  const { cpuMs, peakMb } = usage();
  return { keys: setup.keys, ms, cpuMs: cpuMs - before.cpuMs, peakMb };
}

/** A loop over the keys with fifty loads at once. */
const loop = (): Promise<PeerTimes> =>
  measured(async () => {
    const limit = pLimit(concurrency);
    await Promise.all(Array.from({ length: setup.keys }, (_, i) => limit(() => warmNext(i + 1))));
  });

/** A job of the queue for each key, fifty at once. */
const jobs = (): Promise<PeerTimes> =>
  measured(async () => {
    const connection = { url: setup.queueUrl, maxRetriesPerRequest: null };
    const name = `peer-${process.pid}`;
    const queue = new Queue(name, { connection });
    for (let from = 0; from < setup.keys; from += bulk) {
      const ids = Array.from({ length: Math.min(bulk, setup.keys - from) }, (_, i) => from + i + 1);
      await queue.addBulk(
        ids.map((id) => ({
          name: 'warm',
          data: { id },
          opts: { removeOnComplete: true, removeOnFail: true },
        })),
      );
    }
    let left = setup.keys;
    await new Promise<void>((resolve, reject) => {
      const worker = new Worker<{ id: number }>(name, (job) => warmNext(job.data.id), {
        connection,
        concurrency,
      });
      worker.on('completed', () => {
        left -= 1;
        if (left === 0) worker.close().then(resolve, reject);
      });
      worker.on('failed', (_, error) => reject(error));
      worker.on('error', reject);
    });
    await queue.close();
  });

serve({ open, loop, jobs, begun: () => begun, warmed: () => warmed });
