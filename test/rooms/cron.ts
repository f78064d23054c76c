import { z } from 'zod';
import { openRedis } from '../../src/connect.ts';
import { createEmitter } from '../../src/events.ts';
import { type AnyJobDef, defineJob, done } from '../../src/job.ts';
import { createLog } from '../../src/log.ts';
import type { TickerCalls } from '../../src/queue/cron.ts';
import { createScheduleStore } from '../../src/queue/redis.ts';
import { createCron } from '../../src/queue/schedules.ts';
import { type ScheduleOptions, schedule } from '../../src/schedule.ts';
import type { FakeClock } from '../../src/testing/clock.ts';
import type { queueBench } from './queue.ts';

const plan: AnyJobDef = defineJob('plan', {
  about: 'x',
  reads: [],
  writes: [],
  payload: z.object({ cache: z.string() }),
  run: async () => done(1),
});
export const noon = Date.UTC(2026, 0, 5, 12);
export const minute = 60_000;

/** One replica: its clock stands still and its slots are fired by hand. */
export const replicaOn =
  (bench: ReturnType<typeof queueBench>) =>
  async (
    clock: FakeClock,
    options: ScheduleOptions = {},
    expression = '*/15 * * * *',
    url = bench.address.url,
  ) => {
    const client = openRedis({ role: 'queue', url, from: 'the test' });
    await client.connect();
    const queues = bench.produce(url);
    const told: string[] = [];
    const events = createEmitter();
    events.on('schedule:ticked', ({ late }) => told.push(late ? 'late' : 'ticked'));
    events.on('schedule:skipped', ({ why }) => told.push(why));
    let calls: TickerCalls | undefined;
    let failures = 0;
    let isTicking = false;
    const cron = createCron({
      config: {
        jobs: [plan],
        schedules: [schedule(expression, plan, { cache: 'p' }, { name: 'often', ...options })],
      },
      store: createScheduleStore({ redis: client, address: bench.address, prefix: bench.prefix }),
      queue: queues,
      clock,
      log: createLog({ level: 'warn', to: { write: () => void failures++ } }),
      events,
      startTicker: (_timing, given) => {
        calls = given;
        isTicking = true;
        return {
          stop: () => {
            isTicking = false;
          },
        };
      },
    });
    bench.later(async () => {
      await cron.stop();
      client.disconnect();
    });
    return {
      cron,
      queues,
      told,
      client,
      isTicking: () => isTicking,
      failures: () => failures,
      fire: (slot: number) => calls!.onSlot(slot),
      miss: (slot: number) => calls!.onMissed(slot),
      /** Minutes after noon of the slots that became jobs. */
      async slots() {
        const jobs = await queues.list('plan', { most: 5_000 });
        return jobs.map(({ slot }) => (slot! - noon) / minute).sort((a, b) => a - b);
      },
    };
  };

export const at = (minutes: number) => noon + minutes * minute;
