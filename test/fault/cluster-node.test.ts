import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { freePort } from '../../src/servers/port.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { counter, shop } from '../rooms/cache-counter.ts';
import { until } from '../support/index.ts';

const origin = shop();
const base = { origin: origin.origin, key: key.number, ttl: '10m' } as const;
const products = defineCache('products', { ...base, load: (ids) => origin.load(ids) });
const labelled = defineCache('labelled', { ...base, load: (ids) => origin.load(ids), tags: () => ['all'] });

/** A node of a Redis Cluster that answers for slots without needing the others. */
const startNode = async () => {
  const busPort = await freePort();
  const settings = {
    databases: '1',
    'cluster-enabled': 'yes',
    'cluster-require-full-coverage': 'no',
    'cluster-port': String(busPort),
  };
  const server = await startRedis({ role: 'cache', settings });
  return { server, busPort, port: new URL(server.url).port, admin: new Redis(server.url) };
};
const [node, other] = await Promise.all([startNode(), startNode()]);
afterAll(async () => {
  for (const { admin } of [node, other]) admin.disconnect();
  await Promise.all([node.server.stop(), other.server.stop()]);
});

async function suffer(): Promise<void> {
  const app = await counter([products, labelled], { cacheUrl: node.server.url, commandTimeoutMs: 250 });
  origin.rows.set(1, 'pot').set(2, 'pan');
  for (let i = 0; i < 10; i++) {
    expect(await app.caches.open(products).get(1)).toBe('pot');
    expect([...(await app.caches.open(products).getMany([1, 2])).values()]).toEqual(['pot', 'pan']);
    expect(await app.caches.open(labelled).get(2)).toBe('pan');
  }
  await app.caches.open(products).delete([1, 2]);
  await app.caches.invalidate({ tags: ['all'] });
  expect(app.outage.waiting).toBe(3);
  expect(app.outage.isAway).toBe(true);
  const told = new Set(app.told('store:failed').map(({ message }) => message));
  expect(
    [...told].filter((message) => /CLUSTERDOWN|CROSSSLOT|MOVED/.test(message)),
    [...told].join('; '),
  ).not.toEqual([]);
  expect(await app.outage.stop()).toBe(3);
  app.cacheRedis.disconnect();
  app.queueRedis.disconnect();
}

test('a node of a Redis Cluster that does not hold the keys costs no answer and no deletion', async () => {
  await suffer();
  await other.admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await node.admin.call('CLUSTER', 'MEET', '127.0.0.1', other.port, String(other.busPort));
  await until(
    () => node.admin.get('x').catch((error: Error) => error.message.startsWith('MOVED')),
    'another node has them',
  );
  await suffer();
});
