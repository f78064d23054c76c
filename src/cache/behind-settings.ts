import { defaults } from '../defaults.ts';
import type { AnyCacheDef, WriteBehindOptions } from '../define.ts';
import type { Marks } from '../dirty/dirty.ts';
import { durationMs } from '../duration.ts';

/** What the `writeBehind` of a cache comes to. */
export interface BehindSettings {
  readonly delayMs: number;
  readonly batch: number;
  readonly marks: Marks;
  /** Dead letters in one partition. */
  readonly mostDead: number;
  readonly whenFull: NonNullable<WriteBehindOptions<unknown, unknown>['whenFull']>;
  readonly blockMs: number;
  readonly isSynced: boolean;
  readonly replicas: number;
  readonly merge: WriteBehindOptions<unknown, unknown>['merge'];
}

export function behindSettingsOf(def: AnyCacheDef, partitions: number): BehindSettings | undefined {
  const { writeBehind: given } = def;
  if (given === undefined) return undefined;
  const path = `caches.${def.name}.writeBehind`;
  const preset = defaults.writeBehind;
  // Keys are spread evenly, so each partition has its share of the whole.
  const hard = Math.max(1, Math.ceil((given.maxDirty ?? preset.maxDirty) / partitions));
  const level = given.acknowledge ?? preset.acknowledge;
  return {
    delayMs: durationMs(given.delay ?? preset.delayMs, `${path}.delay`),
    batch: given.batch ?? preset.batch,
    marks: { soft: Math.floor(hard / 2), hard },
    mostDead: Math.max(1, Math.ceil((given.maxDead ?? preset.maxDead) / partitions)),
    whenFull: given.whenFull ?? preset.whenFull,
    blockMs: durationMs(given.blockFor ?? preset.blockForMs, `${path}.blockFor`),
    isSynced: level === 'fsync',
    replicas: level.startsWith('replicas:') ? Number(level.slice('replicas:'.length)) : 0,
    merge: given.merge,
  };
}
