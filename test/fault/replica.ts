/** One replica of a fleet under test: it ticks every second and works what ticks, until it is told to stop or dies. */
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { openRedis } from '../../src/connect.ts';
import { createEmitter } from '../../src/events.ts';
import { defineJob, done } from '../../src/job.ts';
import { createLog } from '../../src/log.ts';
import { createProducer } from '../../src/queue/producer.ts';
import { createScheduleStore } from '../../src/queue/redis.ts';
import { createCron } from '../../src/queue/schedules.ts';
import { createWorkers } from '../../src/queue/workers.ts';
import { schedule } from '../../src/schedule.ts';

const address = { url: process.argv[2]!, from: 'the test' };
const prefix = 'sv';
const clock = systemClock;
const log = createLog({ level: 'error', pretty: false });
const events = createEmitter();
const redis = openRedis({ role: 'queue', ...address });
await redis.connect();

const tick = defineJob('tick', {
  about: 'notes that its slot ran',
  reads: [],
  writes: [],
  payload: z.object({}),
  run: async (_payload, _from, _to, { at }) => done(await redis.hincrby('runs', String(at), 1)),
});
const queue = createProducer({ redis, address, prefix, clock });
const workers = createWorkers({
  jobs: [tick],
  address,
  prefix,
  stuckAfterMs: 60_000,
  rooms: () => ({ from: {}, to: {} }),
  queue,
  clock,
  log,
  events,
  timing: { lockMs: 2_000, stalledMs: 300, maxStalls: 10 },
});
const cron = createCron({
  config: {
    jobs: [tick],
    schedules: [schedule('* * * * * *', tick, {}, { name: 'often', catchUp: 'all', overlap: 'queue' })],
  },
  store: createScheduleStore({ redis, address, prefix }),
  queue,
  clock,
  log,
  events,
});
await workers.start();
await cron.start();
await redis.sadd('ready', String(process.pid));

process.once('SIGTERM', async () => {
  await cron.stop();
  await workers.stop({ graceMs: 5_000 });
  await queue.close();
  redis.disconnect();
  process.disconnect();
});
// A parent that is gone takes its replicas with it.
process.once('disconnect', () => process.exit());
