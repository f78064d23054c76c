import type { Config } from '../config.ts';
import { defaults } from '../defaults.ts';
import { judge, withinMs } from '../due/judge.ts';
import type { DueCache, DueIndex } from '../due/redis.ts';
import { durationMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import { refreshAheadOf } from '../refresh-ahead.ts';
import type { Reads } from '../rooms.ts';
import type { Store } from '../store/store.ts';
import { policyOf } from '../ttl/ttl.ts';
import { definitionOf } from './configured.ts';
import type { Ground } from './ground.ts';

/** The caches that are refreshed ahead, and what their entries' times are like. */
export const dueCaches = ({ caches }: Pick<Config, 'caches'>): DueCache[] =>
  caches.flatMap((def) => {
    const ahead = refreshAheadOf(def);
    if (ahead === undefined) return [];
    const { usualMs, longestMs } = policyOf(def);
    const graceMs = durationMs(def.grace ?? 0, `caches.${def.name}.grace`);
    return [{ cache: def.name, ...ahead, usualMs, longestMs: ahead.max * longestMs + graceMs }];
  });

/** A store that notes every fill of such caches, whoever made it. */
export function feeding(store: Store, due: DueIndex): Store {
  return {
    ...store,
    async commit(batch, drafts, options) {
      const done = await store.commit(batch, drafts, options);
      if (due.feeds(batch.cache))
        drafts.forEach(({ key, body, ttlMs }, i) => {
          if (done[i] === 'written' && body !== undefined) due.fed(batch.cache, key, batch.filledAt, ttlMs);
        });
      return done;
    },
    async set(batch, drafts) {
      await store.set(batch, drafts);
      for (const { key, body, ttlMs } of drafts)
        if (body !== undefined) due.fed(batch.cache, key, batch.filledAt, ttlMs);
    },
    async touch(cache, touches) {
      await store.touch(cache, touches);
      for (const { key, at, ttlMs } of touches) due.fed(cache, key, at, ttlMs);
    },
  };
}

/** Of one cache; E_CONFIG where it does not ask to be refreshed ahead. */
export function dueOf(config: Pick<Config, 'caches'>, cache: string): DueCache {
  const known = dueCaches(config).find((each) => each.cache === cache);
  if (known) return known;
  throw new SamovarError('E_CONFIG', `\`caches.${cache}\` has no \`refreshAhead\``, {
    hints: ['say when its entries are due: refreshAhead: 0.8'],
  });
}

/** The pure half of the room, by name of the cache. */
export const dueReads = ({ config }: Pick<Ground, 'config'>): Reads['due'] => ({
  caches: () => dueCaches(config).map(({ cache }) => cache),
  batch: (cache) => definitionOf(config, cache).batch ?? defaults.cache.batch,
  withinMs(cache, ages) {
    const ahead = dueOf(config, cache);
    return ages.map((age) => withinMs(age, ahead, ahead.usualMs));
  },
  judge: (cache, input) => judge(input, dueOf(config, cache)),
});
