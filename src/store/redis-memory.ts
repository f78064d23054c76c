import type { Cluster, Redis } from 'ioredis';
import type { Memory } from '../rooms.ts';

/** How full a Redis is; on a Cluster, its fullest node. Who asks while one asks is told the same: it costs a Redis some dozen writes. */
export function createMemory(redis: Redis | Cluster): () => Promise<Memory> {
  let asked: Promise<Memory> | undefined;
  return () => {
    asked ??= memoryOf(redis).finally(() => {
      asked = undefined;
    });
    return asked;
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
