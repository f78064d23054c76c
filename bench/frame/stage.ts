import { startPostgres } from '../../src/servers/postgres.ts';
import { startRedis } from '../../src/servers/redis.ts';
import type { BenchContext } from '../bench.ts';
import { type Child, startChild } from './child.ts';

/** A private server of a bench. */
export type StartedServer = Awaited<ReturnType<typeof startRedis>>;

export interface Stage {
  readonly context: BenchContext;
  /** Ends all servers and processes that the bench began. */
  clear(): Promise<void>;
}

export function createStage(
  options: Pick<BenchContext, 'rounds' | 'quick' | 'trace' | 'signal'> & { note(text: string): void },
): Stage {
  const servers: StartedServer[] = [];
  const children: Child[] = [];
  const keep = (server: StartedServer): StartedServer => {
    servers.push(server);
    return server;
  };
  return {
    context: {
      rounds: options.rounds,
      quick: options.quick,
      trace: options.trace,
      signal: options.signal,
      log: (text) => options.note(text),
      redis: async (role, redisOptions = {}) => keep(await startRedis({ role, ...redisOptions })),
      postgres: async (settings = {}) => keep(await startPostgres({ settings })),
      child(file, nodeOptions) {
        const child = startChild(file, nodeOptions);
        children.push(child);
        return child;
      },
    },
    async clear() {
      await Promise.all(children.map((child) => child.kill()));
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
