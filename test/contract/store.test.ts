import { Cluster, Redis } from 'ioredis';
import { afterAll, inject } from 'vitest';
import { startRedis } from '../../src/servers/redis.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import { describeStore } from './store.ts';

const closing: (() => void | Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

const options = { prefix: 'contract', tagsKey: 'contract:tags' };

describeStore('Redis', async () => {
  const clients = [
    new Redis(inject('cacheUrl'), { db: 60 }),
    new Redis(inject('cacheUrl'), { db: 60 }),
  ] as const;
  for (const client of clients) closing.push(() => client.disconnect());
  return {
    store: createRedisStore(clients[0], options),
    other: createRedisStore(clients[1], options),
    flush: async () => void (await clients[0].flushdb()),
  };
});

describeStore('Redis Cluster', async () => {
  // One node that holds all slots refuses commands across slots as a hundred would.
  const server = await startRedis({
    role: 'cache',
    settings: { databases: '1', 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' },
  });
  closing.push(() => server.stop());
  const { port, password } = new URL(server.url);
  const admin = new Redis(server.url);
  await admin.cluster('ADDSLOTSRANGE', 0, 16_383);
  closing.push(() => admin.disconnect());
  const client = () => {
    const cluster = new Cluster([{ host: '127.0.0.1', port: Number(port) }], {
      redisOptions: { password },
      clusterRetryStrategy: () => 50,
    });
    closing.push(() => cluster.disconnect());
    return cluster;
  };
  return {
    store: createRedisStore(client(), options),
    other: createRedisStore(client(), options),
    flush: async () => void (await admin.flushall()),
  };
});
