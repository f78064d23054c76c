import type { Clock } from '../clock.ts';
import { maskUrl, type Redis } from '../connect.ts';
import { messageOf } from '../errors.ts';
import type { ServerFacts } from '../facade.ts';

/** What a Redis tells about itself; `ok: false` with the reason when it does not answer. */
export async function redisFacts(
  redis: Redis,
  about: { role: 'cache' | 'queue' | 'buffer'; url: string; from: string; clock: Clock },
): Promise<ServerFacts> {
  const base = { role: about.role, url: maskUrl(about.url), from: about.from };
  try {
    if (redis.status === 'wait') await redis.connect();
    const asked = about.clock.elapsed();
    const [seconds, micros] = await redis.time();
    const roundTripMs = about.clock.elapsed() - asked;
    const serverNow = Number(seconds) * 1_000 + Number(micros) / 1_000;
    const info = parseInfo(await redis.info());
    const savesToDisk = await keepsSnapshots(redis, info);
    return {
      ...base,
      ok: true,
      version: info.get('redis_version') ?? 'unknown',
      roundTripMs,
      skewMs: Math.round(serverNow - (about.clock.now() - roundTripMs / 2)),
      policy: info.get('maxmemory_policy') ?? 'unknown',
      usedBytes: Number(info.get('used_memory') ?? 0),
      maxBytes: Number(info.get('maxmemory') ?? 0),
      ...(info.has('aof_enabled') ? { appendOnly: info.get('aof_enabled') === '1' } : {}),
      ...(savesToDisk === undefined ? {} : { savesToDisk }),
    };
  } catch (error) {
    return { ...base, ok: false, error: messageOf(error) };
  }
}

/** Whether a restart brings an older state back; undefined when it does not tell. */
async function keepsSnapshots(redis: Redis, info: Map<string, string>): Promise<boolean | undefined> {
  if (info.get('aof_enabled') === '1') return true;
  try {
    const [, save] = (await redis.config('GET', 'save')) as [string, string];
    return save !== '';
  } catch {
    return undefined; // CONFIG is blocked on many managed servers
  }
}

function parseInfo(text: string): Map<string, string> {
  const pairs = text
    .split(/\r?\n/)
    .filter((line) => line.includes(':'))
    .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
  return new Map(pairs);
}
