import type { Cluster, Redis } from 'ioredis';
import { systemClock } from '../clock.ts';
import type { Memory } from '../rooms.ts';

/** Lanes of a run ask one after the other, and telling costs a Redis as much as some dozen writes. */
const freshMs = 50;

/** How full a Redis is, or was moments ago; on a Cluster, its fullest node. */
export function createMemory(redis: Redis | Cluster): () => Promise<Memory> {
  let told: Promise<Memory> | undefined;
  let askedAt = 0;
  return () => {
    const now = systemClock.elapsed();
    if (told === undefined || now - askedAt >= freshMs) [told, askedAt] = [memoryOf(redis), now];
    return told;
  };
}

async function memoryOf(redis: Redis | Cluster): Promise<Memory> {
  const nodes = redis.isCluster ? (redis as Cluster).nodes('master') : [redis as Redis];
  const all = await Promise.all(nodes.map(memoryOfNode));
  const fullest = all.reduce((a, b) => (fullness(b) > fullness(a) ? b : a));
  return { ...fullest, evicted: all.reduce((sum, { evicted }) => sum + evicted, 0) };
}

const fullness = ({ usedBytes, maxBytes }: Memory): number => (maxBytes === 0 ? 0 : usedBytes / maxBytes);

async function memoryOfNode(node: Redis): Promise<Memory> {
  const told = await node.pipeline().info('memory').info('stats').exec();
  const info = (told ?? [])
    .map(([error, text]) => {
      if (error) throw error;
      return text;
    })
    .join('');
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return {
    usedBytes: Number(field('used_memory')),
    maxBytes: Number(field('maxmemory')),
    evicted: Number(field('evicted_keys')),
    policy: field('maxmemory_policy'),
  };
}
