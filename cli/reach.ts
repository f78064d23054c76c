import type { Config } from '../src/config.ts';
import { openRedis, type RedisRole, ready } from '../src/connect.ts';
import { messageOf } from '../src/errors.ts';
import type { Samovar, ServerFacts } from '../src/facade.ts';
import type { CliContext } from './context.ts';

/** Asks one Redis. E_STORE_UNAVAILABLE, E_QUEUE_UNAVAILABLE with the cause and the way out. */
async function reach(config: Config, role: RedisRole): Promise<void> {
  const places = {
    cache: { url: config.redis, from: config.sources.redis },
    queue: { url: config.queueRedis, from: config.sources.queueRedis },
    buffer: { url: config.bufferRedis, from: config.sources.bufferRedis },
  };
  const { url, from } = places[role];
  if (url === undefined) return; // the facade says what is missing
  const about = { role, url, from };
  const redis = openRedis(about);
  try {
    await ready(redis, about);
  } finally {
    redis.disconnect();
  }
}

/** The facade does without a server that is away; a command that cannot says so first. */
export async function openReachable(context: CliContext, roles: readonly RedisRole[]): Promise<Samovar> {
  const config = await context.config();
  for (const role of roles) await reach(config, role);
  return context.samovar();
}

/** A connection that is tried again and again only knows that it has none; the cause is asked for anew. */
export const withCauses = (config: Config, servers: readonly ServerFacts[]): Promise<ServerFacts[]> =>
  Promise.all(
    servers.map(async (server) => {
      if (server.ok || server.role === 'postgres') return server;
      const cause = await reach(config, server.role).catch(messageOf);
      return cause === undefined ? server : { ...server, error: cause };
    }),
  );
