import { afterEach, expect, test } from 'vitest';
import { fakeClock, redis, until } from '../support/index.ts';
import { at, minute, noon, replicaOn } from './cron.ts';
import { queueBench } from './queue.ts';

const queue = await redis('queue');
const bench = queueBench(queue.url);
const replica = replicaOn(bench);
afterEach(() => queue.flush());

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
