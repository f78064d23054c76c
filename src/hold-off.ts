import { defaults } from './defaults.ts';
import type { AnyCacheDef } from './define.ts';
import { durationMs } from './duration.ts';

/** For how long after a change what is loaded of a cache is not kept; 0 = it is kept at once. */
export const holdOffMsOf = ({ name, holdOff }: Pick<AnyCacheDef, 'name' | 'holdOff'>): number =>
  Math.ceil(durationMs(holdOff ?? defaults.cache.holdOffMs, `caches.${name}.holdOff`));

/** Of those that do so, by cache. */
export const holdOffsOf = (
  caches: readonly Pick<AnyCacheDef, 'name' | 'holdOff'>[],
): ReadonlyMap<string, number> =>
  new Map(caches.map((def) => [def.name, holdOffMsOf(def)] as const).filter(([, ms]) => ms > 0));
