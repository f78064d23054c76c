import type { Memory } from './rooms.ts';

/** Why warming on would push out what is already hot; undefined when there is room, or nobody can tell. */
export function whyFull(
  memory: Memory | undefined,
  before: Memory | undefined,
  mark: number,
): string | undefined {
  if (memory === undefined || mark >= 1) return undefined;
  const share = memory.maxBytes > 0 ? memory.usedBytes / memory.maxBytes : 0;
  if (share >= mark) return `memory is ${Math.round(share * 100)} % full`;
  return memory.evicted > (before?.evicted ?? memory.evicted) ? 'memory began to evict entries' : undefined;
}
