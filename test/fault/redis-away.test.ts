import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { startRedis } from '../../src/servers/redis.ts';
import type { Server } from '../../src/servers/server.ts';
import { type Counter, counter, shop } from '../rooms/cache-counter.ts';
import { type ServerProxy, startProxy, until } from '../support/index.ts';

const origin = shop();
const base = { origin: origin.origin, key: key.number, ttl: '10m' } as const;
const products = defineCache('products', { ...base, load: (ids) => origin.load(ids) });
const labelled = defineCache('labelled', { ...base, load: (ids) => origin.load(ids), tags: () => ['all'] });
const defs = [products, labelled];

let server: Server;
let proxy: ServerProxy;
let admin: Redis;
/** Meets the fault. */
let app: Counter;
/** Sees what Redis holds; it never meets a fault that is of the way to Redis. */
let witness: Counter;
/** Commands that `app` has sent. */
let sent = 0;

const watch = (redis: Redis) => {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    sent += 1;
    return send(command, stream);
  };
};

beforeAll(async () => {
  server = await startRedis({ role: 'cache', settings: { 'maxmemory-policy': 'noeviction' } });
  proxy = await startProxy(server.url);
  admin = new Redis(server.url, { retryStrategy: () => 50 });
  admin.on('error', () => {});
  app = await counter(defs, { cacheUrl: proxy.url, commandTimeoutMs: 250 });
  witness = await counter(defs, { cacheUrl: server.url });
  watch(app.cacheRedis);
});
afterAll(async () => {
  admin?.disconnect();
  await Promise.all([app, witness].map((each) => each?.outage.stop()));
  app?.cacheRedis.disconnect();
  witness?.cacheRedis.disconnect();
  await proxy?.close();
  await server?.stop();
});

const isUsed = ({ cacheRedis, outage }: Counter) =>
  cacheRedis.status === 'ready' && !outage.isAway && outage.waiting === 0;

beforeEach(async () => {
  origin.release();
  origin.rows.clear();
  origin.loads.length = 0;
  app.told('invalidation:kept').length = 0;
  await until(() => isUsed(app) && isUsed(witness), 'Redis is in use');
  await admin.flushall();
});

interface Fault {
  readonly name: string;
  begin(): unknown;
  end(): unknown;
}

const faults: Fault[] = [
  { name: 'refuses connections', begin: () => proxy.refuse(), end: () => proxy.pass() },
  { name: 'was killed', begin: () => server.kill(), end: () => server.restart() },
  { name: 'is frozen', begin: () => server.pause(), end: () => server.resume() },
  {
    name: 'swallows what it is sent',
    begin: () => proxy.blackHole(),
    end: () => proxy.pass(),
  },
  { name: 'answers too late', begin: () => proxy.delay(400), end: () => proxy.pass() },
  {
    name: 'has become a replica',
    begin: () => admin.replicaof('127.0.0.1', 1),
    end: () => admin.replicaof('NO', 'ONE'),
  },
];

describe.each(faults)('a Redis that $name', ({ begin, end }) => {
  test('costs readers a few waits, no answer and no deletion', async () => {
    origin.rows.set(1, 'old').set(2, 'same').set(3, 'old');
    await app.caches.open(products).getMany([1, 2]);
    await app.caches.open(labelled).get(3);
    await app.caches.settled();
    sent = 0;
    await begin();
    origin.rows.set(1, 'new').set(3, 'new');
    await app.caches.open(products).delete(1);
    await app.caches.invalidate({ tags: ['all'] });
    for (let i = 0; i < 30; i++) {
      const read = [app.caches.open(products).get(1), app.caches.open(products).get(2)];
      expect(await Promise.all(read)).toEqual(['new', 'same']);
      expect(await app.caches.open(labelled).get(3)).toBe('new');
    }
    // Sixty reads; what was sent are a few waits, probes in the background, and what takes a connection up again.
    expect(sent).toBeLessThan(60);
    expect(app.outage.isAway).toBe(true);
    await end();
    await until(() => isUsed(app) && isUsed(witness), 'Redis is in use again', { timeoutMs: 20_000 });
    expect(await witness.caches.open(products).get(1)).toBe('new');
    expect(await witness.caches.open(labelled).get(3)).toBe('new');
    origin.loads.length = 0;
    origin.rows.set(4, 'stored');
    await app.caches.open(products).get(4);
    await app.caches.settled();
    expect(await witness.caches.open(products).get(4)).toBe('stored');
    expect(origin.loads).toEqual([[4]]);
  });
});

test('a Redis that is killed while it is asked costs no answer', async () => {
  origin.rows.set(1, 'pot').set(2, 'pan');
  await server.pause();
  const reads = [app.caches.open(products).get(1), app.caches.open(products).getMany([1, 2])] as const;
  const deletion = app.caches.open(products).delete(2);
  await server.kill();
  expect(await reads[0]).toBe('pot');
  expect([...(await reads[1])]).toEqual([
    [1, 'pot'],
    [2, 'pan'],
  ]);
  await deletion;
  await server.restart();
  await until(() => isUsed(app), 'Redis is in use again');
});

test('a Redis without room serves what it has, and takes deletions; tags wait for room', async () => {
  origin.rows.set(1, 'old').set(2, 'two').set(3, 'old');
  await app.caches.open(products).getMany([1, 2]);
  await app.caches.open(labelled).get(3);
  await app.caches.settled();
  await admin.config('SET', 'maxmemory', '1');
  origin.rows.set(1, 'new').set(3, 'new');
  origin.loads.length = 0;
  await app.caches.open(products).delete(1);
  await app.caches.invalidate({ tags: ['all'] });
  for (let i = 0; i < 10; i++) {
    expect(await app.caches.open(products).get(1)).toBe('new');
    expect(await app.caches.open(products).get(2)).toBe('two');
    expect(await app.caches.open(labelled).get(3)).toBe('new');
  }
  expect(origin.loads.flat()).not.toContain(2);
  expect(app.outage.isAway).toBe(false);
  await admin.config('SET', 'maxmemory', '0');
  await until(() => isUsed(app), 'all is carried out');
  expect(await witness.caches.open(labelled).get(3)).toBe('new');
});

test('a Redis that forgot its scripts is told them again', async () => {
  origin.rows.set(1, 'old').set(3, 'old');
  await app.caches.open(products).get(1);
  await app.caches.open(labelled).get(3);
  await app.caches.settled();
  await admin.script('FLUSH');
  origin.rows.set(1, 'new').set(3, 'new');
  await app.caches.open(products).delete(1);
  await admin.script('FLUSH');
  await app.caches.invalidate({ tags: ['all'], cache: 'products', all: true });
  await admin.script('FLUSH');
  expect(await app.caches.open(products).get(1)).toBe('new');
  await app.caches.settled();
  await admin.script('FLUSH');
  expect(await app.caches.open(labelled).get(3)).toBe('new');
  expect(app.told('invalidation:kept')).toHaveLength(0);
});

test('connections that are killed over and over cost no answer and no deletion', async () => {
  for (let round = 0; round < 20; round++) {
    origin.rows.set(1, round);
    const asked = [app.caches.open(products).delete(1), admin.call('CLIENT', 'KILL', 'TYPE', 'normal')];
    await Promise.all(asked);
    expect(await app.caches.open(products).get(1)).toBe(round);
    await app.caches.settled();
  }
  await until(() => isUsed(app) && isUsed(witness), 'Redis is in use again');
  expect(await witness.caches.open(products).get(1)).toBe(19);
});

test('a process that starts while Redis is away serves, and uses it when it is there', async () => {
  origin.rows.set(1, 'pot');
  await server.kill();
  const late = await counter(defs, { cacheUrl: server.url, commandTimeoutMs: 250 });
  expect(await late.caches.open(products).get(1)).toBe('pot');
  await late.caches.open(products).delete(1);
  await server.restart();
  await until(() => isUsed(late) && isUsed(witness), 'Redis is in use');
  await late.caches.open(products).get(1);
  await late.caches.settled();
  origin.loads.length = 0;
  expect(await witness.caches.open(products).get(1)).toBe('pot');
  expect(origin.loads).toEqual([]);
});

test('what is left when a process ends is tried once more, and counted', async () => {
  const brief = await counter(defs, { cacheUrl: proxy.url, commandTimeoutMs: 250 });
  proxy.refuse();
  await until(() => brief.cacheRedis.status !== 'ready', 'cut off');
  await brief.caches.open(products).delete([1, 2]);
  await brief.caches.invalidate({ tags: ['all'] });
  expect(await brief.outage.stop()).toBe(3);
  proxy.pass();
  await until(() => brief.cacheRedis.status === 'ready', 'connected again');
  expect(await brief.outage.stop()).toBe(0);
});
