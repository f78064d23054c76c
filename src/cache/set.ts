import type { AnyCacheDef } from '../define.ts';
import { durationMs } from '../duration.ts';
import { SamovarError } from '../errors.ts';
import type { SetOptions } from '../facade.ts';
import { prepare, squeezed, tooBig } from './draft.ts';
import type { MissParts } from './miss.ts';

/** Writes a value that nobody loaded, whatever is under way for its key. */
export function createSetter(
  def: AnyCacheDef,
  { settings, store, tags: clockOfTags, reader, clock, rates, mayForget }: MissParts,
): (key: string, id: unknown, value: unknown, options?: SetOptions) => Promise<void> {
  const cache = def.name;
  return async (key, id, value, { ttl, tags } = {}) => {
    if (tags !== undefined && !settings.isTagged)
      throw new SamovarError(
        'E_USAGE',
        `caches.${cache} has no \`tags\`: entries of it are not looked at for them`,
        {
          hints: [`give it some: tags: () => []`],
        },
      );
    if (
      ttl !== undefined &&
      !(durationMs(ttl, 'ttl') <= Math.max(settings.ttl.longestMs, longestUntagged(settings.isTagged)))
    )
      throw new SamovarError(
        'E_USAGE',
        `expected \`ttl\` to be at most that of caches.${cache}, got ${ttl}`,
        {
          hints: ['marks of invalidated tags are kept only as long as entries of the cache can live'],
        },
      );
    const why = value !== undefined && def.schema !== undefined ? await reader.misfit(value) : undefined;
    if (why !== undefined)
      throw new SamovarError('E_ENCODE', `a value for caches.${cache} does not fit its schema: ${why}`);
    // The clock is read before anything is written: what is invalidated from now on is newer than this value.
    let seq = 0;
    try {
      if (settings.isTagged) seq = await clockOfTags.seq();
    } catch {
      // The store is away: that the older value goes is all that can be promised.
      return store.delete(cache, [key]);
    }
    const loaded = { key, id, value, row: 0, ttl, tags };
    const { draft, isTooBig, isFleeting } = prepare(
      def,
      settings,
      rates ? { ...loaded, readsPerMinute: () => rates.of(key) } : loaded,
    );
    if (isTooBig) throw tooBig(def, settings, draft.bytes);
    const isKept = draft.body === undefined ? settings.negativeMs > 0 && mayForget(draft.ttlMs) : !isFleeting;
    if (!isKept) return store.delete(cache, [key]);
    const { isTagged } = settings;
    const batch = { cache, isTagged, filledBy: 's', filledAt: clock.now(), seq, plan: 0, loadMs: 0 } as const;
    await store.set(batch, await squeezed([draft], settings));
  };
}

const longestUntagged = (isTagged: boolean): number => (isTagged ? 0 : Number.POSITIVE_INFINITY);
