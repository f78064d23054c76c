import { afterEach, describe, expect, test } from 'vitest';
import { done } from '../../src/job.ts';
import { fakeClock, redis, startProxy, until } from '../support/index.ts';
import { at, minute, noon, replicaOn } from './cron.ts';
import { job, untilAborted } from './jobs.ts';
import { queueBench } from './queue.ts';

const queue = await redis('queue');
const bench = queueBench(queue.url);
const replica = replicaOn(bench);
afterEach(() => queue.flush());

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
