import type { Tags } from '../tags/tags.ts';
import type { Guard } from './store.ts';

/** Tags that fail at once while their server is known to be away, and keep the invalidations it did not accept. */
export function guardTags(tags: Tags, { breaker, kept, away, orKeep }: Guard): Tags {
  return {
    key: tags.key,

    async seq() {
      if (breaker.isOpen) throw away;
      return tags.seq();
    },

    invalidate: (labels) =>
      orKeep(
        { cache: undefined, keys: 0, tags: labels.length },
        () => tags.invalidate(labels),
        () => kept.keepTags(labels),
      ),

    async marks(asked) {
      if (breaker.isOpen) throw away;
      if (!kept.hasTags) return tags.marks(asked);
      const all = [...asked];
      const told = await tags.marks(all);
      const marks = new Map(told.tags);
      // Later than any entry, until Redis knows of it.
      for (const tag of all) if (kept.hasTag(tag)) marks.set(tag, Number.POSITIVE_INFINITY);
      return { ...told, tags: marks };
    },

    async prune() {
      if (breaker.isOpen) throw away;
      return tags.prune();
    },
  };
}
