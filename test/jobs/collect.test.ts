import { beforeEach, expect, test } from 'vitest';
import { collect } from '../../jobs/collect.ts';
import { createRecorder } from '../../src/access/recorder.ts';
import { createAccessLog } from '../../src/access/redis.ts';
import { createEmitter } from '../../src/events.ts';
import type { JobContext } from '../../src/job.ts';
import { silentLog } from '../../src/log.ts';
import type { Reads, Writes } from '../../src/rooms.ts';
import { bucketsOf, empty, hours, startBucket as now } from '../rooms/access-parts.ts';
import { database, redis } from '../support/index.ts';

const db = await database();
const queue = await redis('queue');
beforeEach(async () => {
  await empty(db);
  await queue.flush();
});

function setUp() {
  const { buckets, clock } = bucketsOf(db);
  const accessLog = createAccessLog(queue.client, { prefix: 't' });
  const recorder = (caller = 'user') =>
    createRecorder({
      log: accessLog,
      clock,
      events: createEmitter(),
      flushEveryMs: 5_000,
      maxKeys: 10_000,
      demand: ['user'],
      caller,
    });
  const from: Pick<Reads, 'accessLog' | 'buckets'> = { accessLog, buckets };
  const to: Pick<Writes, 'accessLog' | 'buckets'> = { accessLog, buckets };
  return { clock, accessLog, buckets, recorder, from, to };
}

const context = (signal = new AbortController().signal): JobContext => ({
  id: '1',
  attempt: 1,
  worker: 'w',
  at: now * 3_600_000,
  now: () => now * 3_600_000,
  signal,
  log: silentLog,
  progress: async () => {},
});

/** Reads by two recorders, in several messages. */
async function read({ recorder }: ReturnType<typeof setUp>) {
  const [one, two] = [recorder(), recorder()];
  for (let round = 0; round < 3; round++) {
    one.miss('products', 'a', undefined);
    two.hit('products', 'a', undefined, 0, 0);
    two.hit('products', 'b', undefined, 0, 0);
    await one.flush();
    await two.flush();
  }
  await one.stop();
  await two.stop();
}
const expected = { [`a@${now}`]: '6/3', [`b@${now}`]: '3/0' };

test('carries all that was read over, tells how much, and leaves the log empty', async () => {
  const house = setUp();
  await read(house);
  const bot = house.recorder('bot');
  bot.hit('products', 'a', undefined, 0, 0);
  await bot.stop();
  const outcome = await collect.run({}, house.from, house.to, context());
  expect(outcome).toEqual({
    kind: 'done',
    result: { messages: 7, accesses: 9, admitted: 2, waiting: 0, used: 0, dropped: 0, unreadable: 0 },
  });
  expect(await hours(db)).toEqual(expected);
  expect(await queue.client.xlen('t:access')).toBe(0);
  expect(await collect.run({}, house.from, house.to, context())).toMatchObject({ result: { messages: 0 } });
});

const moves = ['cursors', 'read', 'add', 'trim'] as const;
class Killed extends Error {}

/** The rooms of a worker that dies right before, or right after, the move has had its effect. */
function dying(house: ReturnType<typeof setUp>, move: (typeof moves)[number], when: 'before' | 'after') {
  const guard =
    <Args extends unknown[], Result>(name: string, act: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (name === move && when === 'before') throw new Killed();
      const result = await act(...args);
      if (name === move) throw new Killed();
      return result;
    };
  const { accessLog, buckets } = house;
  const log = { ...accessLog, read: guard('read', accessLog.read), trim: guard('trim', accessLog.trim) };
  const hourly = {
    ...buckets,
    cursors: guard('cursors', buckets.cursors),
    add: guard('add', buckets.add),
  };
  return { from: { accessLog: log, buckets: hourly }, to: { accessLog: log, buckets: hourly } };
}

for (const move of moves) {
  for (const when of ['before', 'after'] as const) {
    test(`a worker that dies ${when} ${move} costs no access and doubles none`, async () => {
      const house = setUp();
      await read(house);
      const { from, to } = dying(house, move, when);
      await expect(collect.run({}, from, to, context())).rejects.toThrow(Killed);
      await collect.run({}, house.from, house.to, context());
      expect(await hours(db)).toEqual(expected);
      // Reads that come later are carried over as ever.
      await read(house);
      await collect.run({}, house.from, house.to, context());
      expect(await hours(db)).toEqual({ [`a@${now}`]: '12/6', [`b@${now}`]: '6/0' });
      expect(await queue.client.xlen('t:access')).toBe(0);
    });
  }
}

test('three collectors at once, while reads go on, count each access once', async () => {
  const house = setUp();
  const recorder = house.recorder();
  let isReading = true;
  const collecting = Array.from({ length: 3 }, async () => {
    while (isReading) await collect.run({}, house.from, house.to, context());
  });
  for (let i = 0; i < 200; i++) {
    for (let key = 0; key < 5; key++) recorder.hit('products', `k${key}`, undefined, 0, 0);
    await recorder.flush();
  }
  await recorder.stop();
  isReading = false;
  await Promise.all(collecting);
  await collect.run({}, house.from, house.to, context());
  expect(await hours(db)).toEqual(
    Object.fromEntries([0, 1, 2, 3, 4].map((key) => [`k${key}@${now}`, '200/0'])),
  );
});

test('a Redis that lost its log, and one that comes back from an old copy, neither lose nor double', async () => {
  const house = setUp();
  await read(house);
  await collect.run({}, house.from, house.to, context());
  await read(house);
  const old = {
    stream: await queue.client.dumpBuffer('t:access'),
    hash: await queue.client.dumpBuffer('{t:access}:log'),
  };
  await collect.run({}, house.from, house.to, context());
  await queue.flush();
  await read(house);
  await collect.run({}, house.from, house.to, context());
  expect(await hours(db)).toEqual({ [`a@${now}`]: '18/9', [`b@${now}`]: '9/0' });
  // The copy was taken before the second collect: its messages have been counted since.
  await queue.flush();
  await queue.client.restore('t:access', 0, old.stream);
  await queue.client.restore('{t:access}:log', 0, old.hash);
  await collect.run({}, house.from, house.to, context());
  expect(await hours(db)).toEqual({ [`a@${now}`]: '18/9', [`b@${now}`]: '9/0' });
});

test('stops at once when told to, between two batches', async () => {
  const house = setUp();
  await read(house);
  const stopped = AbortSignal.abort();
  expect(await collect.run({}, house.from, house.to, context(stopped))).toMatchObject({
    result: { messages: 0 },
  });
  expect(await hours(db)).toEqual({});
});
