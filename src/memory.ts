import type { Memory } from './rooms.ts';

/** What may be written before the mark is reached, for one of several who write at once; undefined = no limit. */
export function roomBytes(memory: Memory | undefined, mark: number, writers: number): number | undefined {
  if (memory === undefined || mark >= 1 || memory.maxBytes === 0) return undefined;
  return Math.max(0, memory.maxBytes * mark - memory.usedBytes) / writers;
}

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
