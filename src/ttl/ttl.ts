import type { AnyCacheDef } from '../define.ts';
import { durationMs } from '../duration.ts';
import type { TtlPolicy } from '../lifetime.ts';
import { byValue } from './by-value.ts';
import { fixed } from './fixed.ts';
import { popularity } from './popularity.ts';
import { sliding } from './sliding.ts';
import { tiers } from './tiers.ts';

/** The ttl policies there are. */
export const ttl = { fixed, sliding, tiers, popularity, byValue };

/** What the `ttl` of a definition comes to. */
export function policyOf(def: AnyCacheDef): TtlPolicy {
  const { ttl: given } = def;
  if (typeof given === 'function') return byValue(given);
  if (typeof given === 'object') return given;
  const ms = durationMs(given, `caches.${def.name}.ttl`);
  return { longestMs: ms, usualMs: ms, of: () => ms };
}
