import { afterAll, beforeEach, expect, test } from 'vitest';
import type { BusNews } from '../../src/bus/bus.ts';
import { createRedisBus } from '../../src/bus/redis.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { openRedis } from '../../src/connect.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { fakeClock, startProxy, until } from '../support/index.ts';

// A server of its own: pub/sub and FLUSHALL know no logical databases.
const server = await startRedis({ role: 'cache' });
const redis = openRedis({ role: 'cache', url: server.url, from: 'the test' });
await redis.connect();
const buses: { close(): void }[] = [];
afterAll(async () => {
  for (const bus of buses) bus.close();
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

/** The bus of one process and what it heard. */
function listen({ url = server.url, clock = systemClock as Clock, prefix = 'sv' } = {}) {
  const openSubscriber = () => openRedis({ role: 'cache', use: 'subscriber', url, from: 'the test' });
  const bus = createRedisBus(redis, { prefix, clock, openSubscriber });
  const heard: BusNews[] = [];
  bus.on((news) => heard.push(news));
  buses.push(bus);
  return { bus, heard };
}

async function up(options?: Parameters<typeof listen>[0]) {
  const made = listen(options);
  made.bus.open();
  await until(() => made.bus.isUp, 'the bus is up');
  expect(made.heard.splice(0)).toEqual([{ kind: 'up' }]);
  return made;
}

test('no connection listens until somebody needs it', async () => {
  const { bus } = listen({ prefix: 'lazy' });
  expect(bus.isUp).toBe(false);
  expect(await redis.pubsub('NUMSUB', bus.channel)).toEqual([bus.channel, 0]);
  bus.open();
  bus.open();
  await until(() => bus.isUp, 'it is up');
  expect(await redis.pubsub('NUMSUB', bus.channel)).toEqual([bus.channel, 1]);
});

test('what is told in one tick leaves together, in bounded messages, and who told it knows its own', async () => {
  const [one, two] = [await up(), await up()];
  const keys = Array.from({ length: 600 }, (_, i) => `k}:e:${i} é`);
  for (const key of keys) one.bus.publish({ kind: 'deleted', cache: 'shop', keys: [key] });
  one.bus.publish({ kind: 'written', cache: 'shop', keys: ['a'] });
  one.bus.publish({ kind: 'tags', tags: ['t'] });
  one.bus.publish({ kind: 'clear', cache: 'shop' });
  one.bus.publish({ kind: 'clear', cache: undefined });
  const told = (isOwn: boolean): BusNews[] => [
    { kind: 'tags', tags: ['t'], isOwn },
    { kind: 'clear', cache: 'shop', isOwn },
    { kind: 'clear', cache: undefined, isOwn },
    { kind: 'deleted', cache: 'shop', keys: keys.slice(0, 500), isOwn },
    { kind: 'deleted', cache: 'shop', keys: keys.slice(500), isOwn },
    { kind: 'written', cache: 'shop', keys: ['a'], isOwn },
  ];
  await until(() => one.heard.length === 6 && two.heard.length === 6, 'both heard all');
  expect(one.heard).toEqual(told(true));
  expect(two.heard).toEqual(told(false));
});

test('words of scripts name entries; what is not understood may have been anything', async () => {
  const { bus, heard } = await up();
  const entries = [
    'sv:{shop#3}:e:a',
    'sv:{shop#11}:e:b}:e:c',
    'sv:{other#0}:e:',
    'strange',
    'svx:{shop#1}:e:a',
  ];
  await redis.publish(bus.channel, JSON.stringify({ o: 'x', k: 'failed', e: entries }));
  for (const text of ['{', 'null', '{"k":"later"}', '{"k":"written"}', '{"k":"tags","t":[1]}'])
    await redis.publish(bus.channel, text);
  await until(() => heard.length === 7, 'all is heard');
  expect(heard).toEqual([
    { kind: 'failed', cache: 'shop', keys: ['a', 'b}:e:c'], isOwn: false },
    { kind: 'failed', cache: 'other', keys: [''], isOwn: false },
    ...Array.from({ length: 5 }, () => ({ kind: 'clear', cache: undefined, isOwn: false })),
  ]);
});

test('logical databases and prefixes are apart', async () => {
  const { heard } = await up();
  await redis.publish('sv:bus@5', JSON.stringify({ o: 'x', k: 'clear' }));
  await redis.publish('other:bus@0', JSON.stringify({ o: 'x', k: 'clear' }));
  await redis.publish('sv:bus@0', JSON.stringify({ o: 'x', k: 'clear', c: 'last' }));
  await until(() => heard.length > 0, 'the last is heard');
  expect(heard).toEqual([{ kind: 'clear', cache: 'last', isOwn: false }]);
});

test('a flush by hand is heard', async () => {
  const { heard } = await up();
  await redis.flushall();
  await until(() => heard.length > 0, 'it is heard');
  expect(heard).toEqual([{ kind: 'clear', cache: undefined, isOwn: false }]);
});

test('a connection that is killed is told as lost, and listens again by itself', async () => {
  const { bus, heard } = await up();
  expect(bus.trustedUntil).toBeGreaterThan(systemClock.elapsed());
  for (let round = 1; round <= 3; round++) {
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(() => heard.length === 2, 'it is lost and up again');
    expect(heard.splice(0)).toEqual([{ kind: 'lost' }, { kind: 'up' }]);
    await redis.publish(bus.channel, JSON.stringify({ o: 'x', k: 'clear' }));
    await redis.flushall();
    await until(() => heard.length === 2, 'it hears, of flushes too');
    heard.length = 0;
  }
});

test('a connection that only looks open is found out, and trusted no longer meanwhile', async () => {
  const clock = fakeClock();
  const proxy = await startProxy(server.url);
  try {
    const { bus, heard } = await up({ url: proxy.url, clock });
    proxy.blackHole();
    const trusted = bus.trustedUntil;
    expect(trusted).toBe(clock.elapsed() + 3_000);
    await clock.advance(2_000);
    expect(bus.isUp).toBe(true);
    expect(bus.trustedUntil).toBe(trusted);
    await clock.advance(3_000);
    await until(() => heard.length > 0, 'it is found out', { timeoutMs: 20_000 });
    expect(heard).toEqual([{ kind: 'lost' }]);
    expect(bus.trustedUntil).toBe(Number.NEGATIVE_INFINITY);
    proxy.pass();
    await until(() => bus.isUp, 'it is up again', { timeoutMs: 20_000 });
    expect(heard).toEqual([{ kind: 'lost' }, { kind: 'up' }]);
    bus.close();
  } finally {
    await proxy.close();
  }
});

test('beats renew the trust', async () => {
  const clock = fakeClock();
  const { bus } = await up({ clock });
  await clock.advance(1_000);
  await until(() => bus.trustedUntil === 4_000, 'a beat came back');
});

test('a server that refuses to track is told of, and trusted in nothing; where nothing is tracked it may refuse', async () => {
  await redis.acl('SETUSER', 'plain', 'on', '>plain', '~*', '&*', '+@all', '-client', '+client|id');
  const url = Object.assign(new URL(server.url), { username: 'plain', password: 'plain' }).href;
  const refusals: string[] = [];
  const listenTo = (tracked: string[]) => {
    const openSubscriber = () => openRedis({ role: 'cache', use: 'subscriber', url, from: 'the test' });
    const onRefused = (error: unknown) => void refusals.push(String(error));
    const bus = createRedisBus(redis, {
      prefix: 'sv',
      clock: systemClock,
      openSubscriber,
      tracked,
      onRefused,
    });
    buses.push(bus);
    bus.open();
    return bus;
  };
  const tracking = listenTo(['shop']);
  await until(() => refusals.length > 0, 'it is told');
  expect(refusals).toEqual([expect.stringContaining('NOPERM')]);
  const plain = listenTo([]);
  await until(() => plain.isUp, 'it listens');
  expect([tracking.isUp, refusals.length]).toEqual([false, 1]);
});
