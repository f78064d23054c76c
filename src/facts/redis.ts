import type { Clock } from '../clock.ts';
import { maskUrl, type Redis } from '../connect.ts';
import { messageOf } from '../errors.ts';
import type { ServerFacts } from '../facade.ts';

/** What a Redis tells about itself; `ok: false` with the reason when it does not answer. */
export async function redisFacts(
  redis: Redis,
  about: { role: 'cache' | 'queue'; url: string; from: string; clock: Clock },
): Promise<ServerFacts> {
  const base = { role: about.role, url: maskUrl(about.url), from: about.from };
  try {
    if (redis.status === 'wait') await redis.connect();
    const asked = about.clock.elapsed();
    const [seconds, micros] = await redis.time();
    const roundTripMs = about.clock.elapsed() - asked;
    const serverNow = Number(seconds) * 1_000 + Number(micros) / 1_000;
    const info = parseInfo(await redis.info());
    return {
      ...base,
      ok: true,
      version: info.get('redis_version') ?? 'unknown',
      roundTripMs,
      skewMs: Math.round(serverNow - (about.clock.now() - roundTripMs / 2)),
      policy: info.get('maxmemory_policy') ?? 'unknown',
      usedBytes: Number(info.get('used_memory') ?? 0),
      maxBytes: Number(info.get('maxmemory') ?? 0),
    };
  } catch (error) {
    return { ...base, ok: false, error: messageOf(error) };
  }
}

function parseInfo(text: string): Map<string, string> {
  const pairs = text
    .split(/\r?\n/)
    .filter((line) => line.includes(':'))
    .map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]);
  return new Map(pairs);
}
