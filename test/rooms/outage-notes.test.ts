import { afterAll, beforeEach, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { openRedis } from '../../src/connect.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { createOutageNotes } from '../../src/outage/redis-notes.ts';
import { fakeClock, redis, startProxy, until } from '../support/index.ts';

const queue = await redis('queue');
const cache = await redis('cache');
const proxy = await startProxy(cache.url);
afterAll(() => proxy.close());
beforeEach(() => queue.flush());

const notes = (process: string, clock = fakeClock()) => {
  const state = { isAway: false, waiting: 0 };
  const made = createOutageNotes(queue.client, {
    prefix: 'test',
    clock,
    process,
    look: () => ({ ...state }),
  });
  return { ...made, state, clock };
};

test('who cannot use the cache Redis tells for how long and what it keeps, until it can', async () => {
  const [one, two] = [notes('one'), notes('two')];
  one.changed();
  expect(await two.all()).toEqual([]);
  const at = one.clock.now();
  one.state.isAway = true;
  one.changed();
  await until(async () => (await two.all()).length === 1, 'it is told');
  two.state.waiting = 3;
  await two.clock.advance(1_000);
  two.changed();
  await until(async () => (await two.all()).length === 2, 'it is told');
  expect(await one.all()).toEqual([
    { process: 'one', isAway: true, waiting: 0, since: at },
    { process: 'two', isAway: false, waiting: 3, since: at + 1_000 },
  ]);
  // What changes in between is told again and again, and a note lives on by that.
  one.state.waiting = 7;
  await queue.client.del('test:outages:one');
  await one.clock.advance(5_000);
  await until(async () => (await two.all()).some(({ waiting }) => waiting === 7), 'it is told anew');
  one.state.isAway = false;
  one.state.waiting = 0;
  one.changed();
  await until(async () => (await two.all()).length === 1, 'it is over');
  expect(one.clock.pending).toBe(0);
  await two.stop();
  expect(await one.all()).toEqual([]);
  expect(await queue.client.keys('test:*')).toEqual([]);
});

test('what a process told that is gone ends by itself, and its name with it', async () => {
  const [lost, other] = [notes('lost'), notes('other')];
  lost.state.isAway = true;
  lost.changed();
  await until(async () => (await other.all()).length === 1, 'it is told');
  expect(await queue.client.pttl('test:outages:lost')).toBeLessThanOrEqual(15_000);
  await queue.client.pexpire('test:outages:lost', 1);
  await until(async () => (await other.all()).length === 0, 'it has ended');
  expect(await queue.client.exists('test:outages')).toBe(0);
});

test('nobody is bothered when that Redis is away, too; it is told when it is back', async () => {
  const way = await startProxy(queue.url);
  const client = openRedis({ role: 'queue', url: way.url, from: 'the test' });
  await client.connect();
  try {
    way.refuse();
    await until(() => client.status !== 'ready', 'cut off');
    const clock = fakeClock();
    const look = () => ({ isAway: true, waiting: 0 });
    const cut = createOutageNotes(client, { prefix: 'test', clock, process: 'cut', look });
    cut.changed();
    await clock.advance(5_000);
    await expect(cut.all()).rejects.toThrow();
    way.pass();
    await until(() => client.status === 'ready', 'connected again');
    await clock.advance(5_000);
    await until(async () => (await cut.all()).length === 1, 'it is told');
    await cut.stop();
    cut.changed();
    expect([await cut.all(), clock.pending]).toEqual([[], 0]);
  } finally {
    client.disconnect();
    await way.close();
  }
});

test('an application whose cache Redis refuses tells so on that of the queue', async () => {
  const shop = defineCache('shop', {
    origin: defineOrigin('shop'),
    key: key.number,
    ttl: '1m',
    load: (ids) => ids,
  });
  const samovar = await createClient({
    redis: proxy.url,
    queueRedis: queue.url,
    caches: [shop],
    log: { level: 'silent' },
  });
  try {
    const reader = createOutageNotes(queue.client, {
      prefix: 'sv',
      clock: fakeClock(),
      process: 'reader',
      look: () => ({ isAway: false, waiting: 0 }),
    });
    proxy.refuse();
    await until(async () => {
      await samovar.cache(shop).delete(1);
      return (await reader.all()).some(({ isAway, waiting }) => isAway || waiting === 1);
    }, 'it is told');
    proxy.pass();
    await until(async () => (await reader.all()).length === 0, 'it is over', { timeoutMs: 20_000 });
  } finally {
    proxy.pass();
    await samovar.stop();
  }
});
