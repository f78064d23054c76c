import type { Redis } from '../connect.ts';
import type { BufferFacts } from './dirty.ts';

/** What INFO tells, which is allowed where CONFIG is blocked. */
export const createRedisFacts =
  (redis: Redis, ask: <T>(question: Promise<T>) => Promise<T>) => async (): Promise<BufferFacts> => {
    const info = new Map(
      (await ask(redis.info())).split(/\r?\n/).map((line) => {
        const at = line.indexOf(':');
        return [line.slice(0, at), line.slice(at + 1)] as const;
      }),
    );
    // Only CONFIG tells how often it syncs; a server that hides it is not believed to sync always.
    const fsync: unknown = await redis.config('GET', 'appendfsync').catch(() => undefined);
    const aof = info.get('aof_enabled');
    const replicas = info.get('connected_slaves');
    const limit = Number(info.get('maxmemory') ?? 0);
    return {
      policy: info.get('maxmemory_policy'),
      appendOnly: aof === undefined ? undefined : aof === '1',
      appendFsync: Array.isArray(fsync) && fsync[1] !== undefined ? String(fsync[1]) : undefined,
      replicas: replicas === undefined ? undefined : Number(replicas),
      isClustered: info.get('cluster_enabled') === '1',
      fullness: limit > 0 ? Number(info.get('used_memory')) / limit : undefined,
      version: info.get('redis_version') ?? '',
    };
  };
