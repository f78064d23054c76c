import { afterEach, describe, expect, test } from 'vitest';
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
import { fakeClock, redis, startProxy, until } from '../support/index.ts';
import { job, untilAborted } from './jobs.ts';
import { queueBench } from './queue.ts';

const queue = await redis('queue');
const bench = queueBench(queue.url);
afterEach(() => queue.flush());

const plan: AnyJobDef = defineJob('plan', {
  about: 'x',
  reads: [],
  writes: [],
  payload: z.object({ cache: z.string() }),
  run: async () => done(1),
});
const noon = Date.UTC(2026, 0, 5, 12);
const minute = 60_000;

/** One replica: its clock stands still and its slots are fired by hand. */
async function replica(
  clock: FakeClock,
  options: ScheduleOptions = {},
  expression = '*/15 * * * *',
  url = queue.url,
) {
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
}

const at = (minutes: number) => noon + minutes * minute;

describe('ticking', () => {
  test('a slot becomes one job with the payload, whoever fires it', async () => {
    const clock = fakeClock(noon);
    const [one, other] = [await replica(clock), await replica(clock)];
    await Promise.all([one.cron.start(), other.cron.start()]);
    for (const each of [one, other, one]) each.fire(at(15));
    await until(() => one.told.length + other.told.length === 1, 'one of them ticked');
    await Promise.all([one.cron.stop(), other.cron.stop()]);
    expect([...one.told, ...other.told]).toEqual(['ticked']);
    const [made, ...more] = await one.queues.list('plan');
    expect(more).toEqual([]);
    expect(made).toMatchObject({
      id: `often@${at(15)}`,
      schedule: 'often',
      slot: at(15),
      payload: { cache: 'p' },
    });
  });

  test('a slot that could not be enqueued is tried again until it is', async () => {
    const clock = fakeClock(noon);
    const proxy = await startProxy(queue.url);
    bench.later(() => proxy.close());
    const { cron, fire, slots, told } = await replica(clock, {}, '*/15 * * * *', proxy.url);
    await cron.start();
    proxy.refuse();
    fire(at(15));
    await until(() => clock.pending === 1, 'it waits to try again');
    expect(told).toEqual([]);
    proxy.pass();
    await until(async () => {
      await clock.advance(2_000);
      return told.length === 1;
    }, 'it is in');
    expect(told).toEqual(['ticked']);
    expect(await slots()).toEqual([15]);
  });

  test('one that was stopped can be started again', async () => {
    const clock = fakeClock(noon);
    const { cron, fire, told, isTicking } = await replica(clock);
    await cron.start();
    await cron.stop();
    fire(at(15));
    await cron.start();
    expect(isTicking()).toBe(true);
    fire(at(30));
    await until(() => told.length === 1, 'it ticks');
  });

  test('nothing ticks when the queue is away at the start', async () => {
    const proxy = await startProxy(queue.url);
    bench.later(() => proxy.close());
    const { cron, isTicking } = await replica(fakeClock(noon), {}, '*/15 * * * *', proxy.url);
    proxy.refuse();
    await expect(cron.start()).rejects.toMatchObject({ code: 'E_QUEUE_UNAVAILABLE' });
    expect(isTicking()).toBe(false);
    proxy.pass();
  });

  test('slots that pass while the queue is away are owed as the schedule says', async () => {
    const clock = fakeClock(noon);
    const proxy = await startProxy(queue.url);
    bench.later(() => proxy.close());
    const { cron, fire, slots, failures } = await replica(
      clock,
      { overlap: 'queue' },
      '*/15 * * * *',
      proxy.url,
    );
    await cron.start();
    proxy.refuse();
    for (const [i, slot] of [15, 30, 45].entries()) {
      fire(at(slot));
      await until(() => failures() === i + 1, 'it is refused');
    }
    proxy.pass();
    await until(async () => {
      await clock.advance(2_000);
      return (await slots()).length > 0;
    }, 'the newest is in');
    await cron.stop();
    expect(await slots()).toEqual([45]);
  });

  test('a replica whose clock runs far ahead takes no slot from the others', async () => {
    const clock = fakeClock(noon);
    const { cron, fire, slots, told } = await replica(clock);
    await cron.start();
    const farAhead = 4_000_000_000_000;
    fire(farAhead);
    fire(at(15));
    await until(() => told.length === 1, 'the true slot ticked');
    expect(await slots()).toContain(15);
  });
});

describe('catching up', () => {
  const missed = async (catchUp: 'none' | 'one' | 'all', downMinutes: number) => {
    const clock = fakeClock(noon);
    const before = await replica(clock, { catchUp });
    await before.cron.start();
    await before.cron.stop();
    expect(before.isTicking()).toBe(false);
    await clock.advance(downMinutes * minute);
    const after = await replica(clock, { catchUp });
    await after.cron.start();
    return after;
  };

  test('none: what passed while nobody was up is gone', async () => {
    const { slots, fire, told } = await missed('none', 61);
    expect(await slots()).toEqual([]);
    fire(at(75));
    await until(() => told.length === 1, 'it ticked');
    expect(await slots()).toEqual([75]);
    expect(told).toEqual(['ticked']);
  });

  test('one: the newest slot is run', async () => {
    const { slots, told } = await missed('one', 61);
    expect(await slots()).toEqual([60]);
    expect(told).toEqual(['late']);
  });

  test('all: every slot is run', async () => {
    const { slots, told } = await missed('all', 61);
    expect(await slots()).toEqual([15, 30, 45, 60]);
    expect(told).toEqual(['late', 'late', 'late', 'late']);
  });

  test('all: although the slots overlap with one that waits', async () => {
    const clock = fakeClock(noon);
    const before = await replica(clock, { catchUp: 'all' });
    await before.cron.start();
    before.fire(at(15));
    await until(() => before.told.length === 1, 'one waits');
    await before.cron.stop();
    await clock.advance(61 * minute);
    const { cron, slots } = await replica(clock, { catchUp: 'all' });
    await cron.start();
    expect(await slots()).toEqual([15, 30, 45, 60]);
  });

  test('one: not while the one before still waits', async () => {
    const clock = fakeClock(noon);
    const before = await replica(clock);
    await before.cron.start();
    before.fire(at(15));
    await until(() => before.told.length === 1, 'one waits');
    await before.cron.stop();
    await clock.advance(61 * minute);
    const { cron, slots, told } = await replica(clock);
    await cron.start();
    expect(await slots()).toEqual([15]);
    expect(told).toEqual(['overlap']);
  });

  test('nothing is owed when nothing passed', async () => {
    const { slots } = await missed('all', 14);
    expect(await slots()).toEqual([]);
  });

  test('no further back than a day', async () => {
    const { slots } = await missed('all', 3 * 24 * 60);
    const found = await slots();
    expect(found).toHaveLength(96);
    expect(found.at(-1)).toBe(3 * 24 * 60);
  });

  test('every replica may catch up, each slot runs once', async () => {
    const clock = fakeClock(noon);
    const first = await replica(clock, { catchUp: 'all' });
    await first.cron.start();
    await first.cron.stop();
    await clock.advance(61 * minute);
    const others = [await replica(clock, { catchUp: 'all' }), await replica(clock, { catchUp: 'all' })];
    await Promise.all(others.map(({ cron }) => cron.start()));
    expect(await others[0]!.slots()).toEqual([15, 30, 45, 60]);
    expect(others.flatMap(({ told }) => told)).toHaveLength(4);
  });

  test.each([
    ['none', [45], ['ticked']],
    ['one', [30, 45], ['late', 'ticked']],
    ['all', [15, 30, 45], ['late', 'late', 'ticked']],
  ] as const)('%s: what a blocked process missed, before what is due', async (catchUp, ran, said) => {
    const clock = fakeClock(noon);
    const { cron, fire, miss, slots, told } = await replica(clock, { catchUp, overlap: 'queue' });
    await cron.start();
    await clock.advance(45 * minute);
    miss(at(15));
    miss(at(30));
    fire(at(45));
    await until(() => told.includes('ticked'), 'the last is in');
    expect(told).toEqual(said);
    expect(await slots()).toEqual(ran);
  });

  test.each([
    ['one', [30]],
    ['all', [15, 30]],
  ] as const)('%s: what a blocked process missed, when nothing is due yet', async (catchUp, ran) => {
    const clock = fakeClock(noon);
    const { cron, miss, slots, told } = await replica(clock, { catchUp, overlap: 'queue' });
    await cron.start();
    await clock.advance(31 * minute);
    miss(at(15));
    miss(at(30));
    await until(() => told.length === ran.length, 'it was dealt with');
    await cron.stop();
    expect(await slots()).toEqual(ran);
  });

  test('none: a replica that comes up right at a slot leaves it to those that are up', async () => {
    const clock = fakeClock(noon);
    const up = await replica(clock, { catchUp: 'none' });
    await up.cron.start();
    await clock.advance(15 * minute + 50);
    const late = await replica(clock, { catchUp: 'none' });
    await late.cron.start();
    up.fire(at(15));
    await until(() => up.told.length === 1, 'it ticked');
    expect(await up.slots()).toEqual([15]);
  });

  test('a slot that is due right behind late ones is skipped, as one of them still waits', async () => {
    const clock = fakeClock(noon);
    const { cron, fire, slots, told } = await replica(clock, { catchUp: 'all', overlap: 'skip' });
    await cron.start();
    await clock.advance(45 * minute);
    fire(at(45));
    await until(() => told.includes('overlap'), 'the last was skipped');
    expect(told).toEqual(['late', 'late', 'overlap']);
    expect(await slots()).toEqual([15, 30]);
  });

  test('a process that slept runs nothing that others ran meanwhile', async () => {
    const clock = fakeClock(noon);
    const [awake, asleep] = [
      await replica(clock, { catchUp: 'all', overlap: 'queue' }),
      await replica(clock, { catchUp: 'all' }),
    ];
    await Promise.all([awake.cron.start(), asleep.cron.start()]);
    for (const slot of [15, 30, 45]) awake.fire(at(slot));
    await until(() => awake.told.length === 3, 'they ran');
    // Long after, the queue remembers none of them.
    await queue.client.del(...(await queue.client.keys('{sv}:plan*')));
    for (const slot of [15, 30, 45]) asleep.miss(at(slot));
    await asleep.cron.stop();
    expect(await asleep.slots()).toEqual([]);
    expect(asleep.told).toEqual([]);
  });

  test('a timing that was changed owes none of the slots that only the new one has', async () => {
    const clock = fakeClock(noon);
    const before = await replica(clock, { catchUp: 'all' }, '0 3 * * *');
    await before.cron.start();
    await before.cron.stop();
    await clock.advance(61 * minute);
    const after = await replica(clock, { catchUp: 'all' }, '*/15 * * * *');
    await after.cron.start();
    expect(await after.slots()).toEqual([]);
  });
});

describe('overlap', () => {
  const held = job('plan', (_payload, { signal }) => untilAborted(signal));

  test('skip: a slot whose predecessor still runs or waits is skipped, for the fleet once', async () => {
    const clock = fakeClock(noon);
    const [one, other] = [await replica(clock), await replica(clock)];
    await Promise.all([one.cron.start(), other.cron.start()]);
    await bench.work([held], one.queues);
    one.fire(at(15));
    await until(async () => (await one.queues.counts('plan')).active === 1, 'the first runs');
    one.fire(at(30));
    other.fire(at(30));
    await until(() => [...one.told, ...other.told].includes('overlap'), 'the second was skipped');
    await Promise.all([one.cron.stop(), other.cron.stop()]);
    expect([...one.told, ...other.told].sort()).toEqual(['overlap', 'ticked']);
    expect(await one.slots()).toEqual([15]);
  });

  test('skip: the next slot runs when its predecessor has ended', async () => {
    const clock = fakeClock(noon);
    const { cron, fire, queues, told, slots } = await replica(clock);
    await cron.start();
    fire(at(15));
    await until(() => told.length === 1, 'the first is in');
    await bench.work([job('plan', async () => done(1))], queues);
    await queues.waitFor('plan', `often@${at(15)}`);
    fire(at(30));
    await until(() => told.length === 2, 'the second is in');
    expect(told).toEqual(['ticked', 'ticked']);
    expect(await slots()).toEqual([15, 30]);
  });

  test('queue: every slot is enqueued', async () => {
    const clock = fakeClock(noon);
    const { cron, fire, told, slots } = await replica(clock, { overlap: 'queue' });
    await cron.start();
    fire(at(15));
    fire(at(30));
    await until(() => told.length === 2, 'both are in');
    expect(await slots()).toEqual([15, 30]);
  });
});

describe('by hand', () => {
  test('a paused schedule does nothing, everywhere; what passed meanwhile is not owed', async () => {
    const clock = fakeClock(noon);
    const ticking = await replica(clock, { catchUp: 'all', overlap: 'queue' });
    const command = await replica(clock, { catchUp: 'all', overlap: 'queue' });
    await ticking.cron.start();
    await command.cron.pause('often');
    expect(await ticking.cron.list()).toMatchObject([{ name: 'often', isPaused: true }]);
    await clock.advance(16 * minute);
    ticking.fire(at(15));
    await until(() => ticking.told.length === 1, 'it was skipped');
    await clock.advance(30 * minute);
    await command.cron.resume('often');
    const restarted = await replica(clock, { catchUp: 'all', overlap: 'queue' });
    await restarted.cron.start();
    expect(await ticking.slots()).toEqual([]);
    ticking.fire(at(60));
    await until(() => ticking.told.length === 2, 'it ticks again');
    expect(ticking.told).toEqual(['paused', 'ticked']);
    expect(await ticking.slots()).toEqual([60]);
  });

  test('a schedule can be run now, from a process that ticks none', async () => {
    const clock = fakeClock(noon);
    const { cron, queues } = await replica(clock);
    const [one, other] = [await cron.runNow('often'), await cron.runNow('often')];
    expect(one).not.toBe(other);
    expect(await queues.get('plan', one)).toMatchObject({
      schedule: 'often',
      payload: { cache: 'p' },
      state: 'waiting',
    });
    expect(await queues.get('plan', one)).not.toHaveProperty('slot');
  });

  test('schedules are listed with their next slots, whether or not anything ticks', async () => {
    const clock = fakeClock(noon);
    const { cron } = await replica(clock, { timezone: 'Europe/Berlin' });
    const [view] = await cron.list(5);
    expect(view).toMatchObject({
      name: 'often',
      job: 'plan',
      cache: 'p',
      expression: '*/15 * * * *',
      timezone: 'Europe/Berlin',
      catchUp: 'one',
      overlap: 'skip',
      isPaused: false,
      builtIn: false,
    });
    expect(view!.next).toHaveLength(5);
    expect(view!.next.every((slot) => slot % (15 * minute) === 0)).toBe(true);
  });

  test('an unknown name is an error that names the nearest', async () => {
    const { cron } = await replica(fakeClock(noon));
    for (const refused of [cron.pause('ofen'), cron.resume('ofen'), cron.runNow('ofen')])
      await expect(refused).rejects.toMatchObject({
        code: 'E_UNKNOWN_SCHEDULE',
        message: "there is no schedule 'ofen', did you mean 'often'?",
        hints: ['known: often'],
      });
  });
});
