import { openRedis, type RedisRole, ready } from '../src/connect.ts';
import type { Samovar } from '../src/facade.ts';
import type { CliContext } from './context.ts';

/**
 * The facade, once the Redis of each role answers. It does without a server that is away; a command that cannot says
 * so first, with the cause. E_STORE_UNAVAILABLE, E_QUEUE_UNAVAILABLE.
 */
export async function openReachable(context: CliContext, roles: readonly RedisRole[]): Promise<Samovar> {
  const config = await context.config();
  const places = {
    cache: { url: config.redis, from: config.sources.redis },
    queue: { url: config.queueRedis, from: config.sources.queueRedis },
    buffer: { url: config.bufferRedis, from: config.sources.bufferRedis },
  };
  for (const role of roles) {
    const { url, from } = places[role];
    if (url === undefined) continue; // the facade says what is missing
    const about = { role, url, from };
    const redis = openRedis(about);
    try {
      await ready(redis, about);
    } finally {
      redis.disconnect();
    }
  }
  return context.samovar();
}
