import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRedis } from '../../src/servers/redis.ts';
import type { Server } from '../../src/servers/server.ts';
import { openRig, type Rig, ways } from './deleted.ts';

let servers: Server[] = [];
let rig: Rig;
beforeAll(async () => {
  servers = await Promise.all([startRedis({ role: 'cache' }), startRedis({ role: 'queue' })]);
  rig = await openRig({ cacheUrl: servers[0]!.url, queueUrl: servers[1]!.url });
});
afterAll(async () => {
  rig?.close();
  await Promise.all(servers.map((server) => server.stop()));
});

test.each(ways)(
  'what is invalidated by %s while it is warmed is absent afterwards, 100 times of 100',
  async (way) => {
    expect(await rig.run(way, 100)).toEqual({ tries: 100, absent: 100, present: 0, idle: 0 });
  },
);
