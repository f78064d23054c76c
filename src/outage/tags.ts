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

    // What is kept is carried out as a purge: nobody is to see what may be gone by then.
    invalidate: (labels, mode) =>
      orKeep(
        { cache: undefined, keys: 0, tags: labels.length },
        () => tags.invalidate(labels, mode),
        () => kept.keepTags(labels),
      ),

    async marks(asked) {
      if (breaker.isOpen) throw away;
      if (!kept.hasTags) return tags.marks(asked);
      const all = [...asked];
      const told = await tags.marks(all);
      const marks = new Map(told.tags);
      const spared = new Map(told.spared);
      // Later than any entry, until Redis knows of it.
      for (const tag of all) {
        if (!kept.hasTag(tag)) continue;
        marks.set(tag, Number.POSITIVE_INFINITY);
        spared.delete(tag);
      }
      return { ...told, tags: marks, spared };
    },

    async prune() {
      if (breaker.isOpen) throw away;
      return tags.prune();
    },
  };
}
