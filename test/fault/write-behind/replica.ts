import { Redis } from 'ioredis';
import { startRedis } from '../../../src/servers/redis.ts';
import { startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import type { Rig } from './rig.ts';

/** A second Redis that follows the rig's, and can take its place. */
export interface Replica {
  /** From now on nothing reaches it. */
  fallBehind(): void;
  /** The first is killed; whoever asks for it is answered by this one, whatever it has. */
  promote(): Promise<void>;
  close(): Promise<void>;
}

export async function openReplica({ redis, redisProxy, admin }: Rig): Promise<Replica> {
  const { password } = new URL(redis.url);
  const server = await startRedis({ role: 'buffer', settings: { masterauth: password } });
  const link = await startProxy(redis.url);
  const own = new Redis(server.url);
  await own.config('SET', 'requirepass', password);
  await own.replicaof('127.0.0.1', link.port);
  await until(async () => /master_link_status:up/.test(await own.info('replication')), 'it follows');
  return {
    fallBehind: () => link.blackHole('from-server'),
    async promote() {
      await redis.kill();
      await own.replicaof('NO', 'ONE');
      redisProxy.retarget(server.url);
      redisProxy.cut();
      admin.options.port = server.port;
      admin.disconnect(true);
      await until(async () => (await admin.ping()) === 'PONG', 'it is asked instead');
    },
    async close() {
      own.disconnect();
      await link.close();
      await server.stop();
    },
  };
}
