import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { SamovarError } from '../errors.ts';
import { makeFolder } from './folder.ts';
import { answers, freePort } from './port.ts';
import { run } from './run.ts';
import { guarded, type Server } from './server.ts';

const image = 'redis:7-alpine';
const pullLimitMs = 5 * 60_000;
const readyLimitMs = 20_000;

/** A Redis in a container that is removed with this process. `settings`: name and value, as in redis.conf. */
export async function runRedisContainer(
  settings: readonly (readonly [string, string])[],
  password: string,
  clock: Clock,
  pickPort: () => Promise<number> = freePort,
): Promise<Server> {
  const name = `samovar-redis-${randomBytes(6).toString('hex')}`;
  const folder = makeFolder('redis');
  const docker = async (...args: string[]): Promise<string> => {
    const done = await run(['docker', ...args], { timeoutMs: pullLimitMs });
    if (!done.isOk)
      throw new SamovarError('E_SERVERS', `docker ${args[0]} failed`, { hints: done.complaint.split('\n') });
    return done.output.trim();
  };
  return guarded({ folder, container: name }, clock, async (reaper) => {
    const port = await pickPort();
    const args = [...settings, ['bind', '0.0.0.0'] as const].flatMap(([key, value]) => [`--${key}`, value]);
    await docker('run', '-d', '--name', name, '-p', `127.0.0.1:${port}:6379`, image, 'redis-server', ...args);
    const ready = async () => {
      const from = clock.elapsed();
      while (!(await answers(port, `AUTH ${password}\r\nPING\r\n`, /^\+OK\r\n\+PONG/, clock))) {
        if (clock.elapsed() - from > readyLimitMs) {
          throw new SamovarError('E_SERVERS', `the container of ${image} does not answer on port ${port}`);
        }
        await clock.sleep(25);
      }
    };
    await ready();
    return {
      url: `redis://:${password}@127.0.0.1:${port}`,
      how: 'docker',
      port,
      pid: undefined,
      folder: undefined,
      stop: () => reaper.reap(),
      async restart() {
        await docker('restart', name);
        await ready();
      },
      pause: async () => void (await docker('pause', name)),
      resume: async () => void (await docker('unpause', name)),
      kill: async () => void (await docker('kill', name)),
    };
  });
}
