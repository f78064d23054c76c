/** A worker process of a test: its job notes the process in the list `ran` and holds on until it is told to stop. */
import { systemClock } from '../../src/clock.ts';
import { openRedis } from '../../src/connect.ts';
import { createEmitter } from '../../src/events.ts';
import { silentLog } from '../../src/log.ts';
import { createProducer } from '../../src/queue/producer.ts';
import { createWorkers } from '../../src/queue/workers.ts';
import { job, untilAborted } from './jobs.ts';

const url = process.argv[2]!;
const address = { url, from: 'the test' };
const redis = openRedis({ role: 'queue', ...address });
await redis.connect();
const queue = createProducer({ redis, address, prefix: 'sv', clock: systemClock });
const workers = createWorkers({
  jobs: [
    job(
      'hold',
      async (_payload, { signal }) => {
        await redis.rpush('ran', String(process.pid));
        return untilAborted(signal);
      },
      { attempts: 1 },
    ),
  ],
  address,
  prefix: 'sv',
  stuckAfterMs: 60_000,
  rooms: () => ({ from: {}, to: {} }),
  queue,
  clock: systemClock,
  log: silentLog,
  events: createEmitter(),
  timing: { lockMs: 500, stalledMs: 100 },
});
await workers.start();
process.once('SIGTERM', async () => {
  await workers.stop({ graceMs: 5_000 });
  await queue.close();
  redis.disconnect();
});
