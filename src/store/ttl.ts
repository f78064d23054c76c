import { hash32 } from '../key.ts';

/**
 * How long the entry of a key is fresh: up to `jitter` of the ttl earlier, never later, and the same in every process,
 * so that keys warmed together do not expire together.
 */
export function jittered(ttlMs: number, jitter: number, key: string): number {
  // A hash of its own: that of the bare key already decides on the partition.
  const share = hash32(`${key}~`) / 2 ** 32;
  return Math.max(1, Math.floor(ttlMs * (1 - jitter * share)));
}
