/** Invalidations that are still to be carried out. */
export interface Intents {
  /** Caches of which everything is to go. */
  readonly caches: readonly string[];
  readonly keys: ReadonlyMap<string, readonly string[]>;
  readonly tags: readonly string[];
}

/** Invalidations that Redis did not accept: the last of each key, tag and cache, and never more than a bound. */
export interface Kept {
  /** How many there are. */
  readonly size: number;
  readonly hasTags: boolean;
  hasTag(tag: string): boolean;
  /** Whether this key must not be read from the cache, nor stored. */
  has(cache: string, key: string): boolean;
  /** Answers false when there was no room: then everything of the cache is to go. */
  keep(cache: string, keys: readonly string[]): boolean;
  keepAll(cache: string): void;
  /** Answers false when there was no room: then everything of the caches that carry tags is to go. */
  keepTags(tags: readonly string[]): boolean;
  all(): Intents & { readonly upTo: number };
  /** These are done, unless they were wanted again meanwhile. */
  done(intents: Intents & { readonly upTo: number }): void;
}

export interface KeptOptions {
  readonly most: number;
  /** Names of the caches that carry tags. */
  readonly tagged: readonly string[];
}

export function createKept({ most, tagged }: KeptOptions): Kept {
  const caches = new Map<string, number>();
  const keys = new Map<string, Map<string, number>>();
  const tags = new Map<string, number>();
  let count = 0;
  let wanted = 0;

  const dropKeys = (cache: string) => {
    count -= keys.get(cache)?.size ?? 0;
    keys.delete(cache);
  };
  const keepAll = (cache: string) => {
    caches.set(cache, ++wanted);
    dropKeys(cache);
  };

  return {
    get size() {
      return count + tags.size + caches.size;
    },
    get hasTags() {
      return tags.size > 0;
    },
    hasTag: (tag) => tags.has(tag),
    has: (cache, key) => caches.has(cache) || (keys.get(cache)?.has(key) ?? false),

    keep(cache, some) {
      if (caches.has(cache)) {
        caches.set(cache, ++wanted);
        return true;
      }
      let own = keys.get(cache);
      if (own === undefined) {
        own = new Map();
        keys.set(cache, own);
      }
      for (const key of some) {
        if (!own.has(key)) {
          if (count + tags.size >= most) {
            keepAll(cache);
            return false;
          }
          count += 1;
        }
        own.set(key, ++wanted);
      }
      return true;
    },

    keepAll,

    keepTags(some) {
      for (const tag of some) {
        if (!tags.has(tag) && count + tags.size >= most) {
          tags.clear();
          for (const cache of tagged) keepAll(cache);
          return false;
        }
        tags.set(tag, ++wanted);
      }
      return true;
    },

    all: () => ({
      caches: [...caches.keys()],
      keys: new Map(Array.from(keys, ([cache, own]) => [cache, [...own.keys()]])),
      tags: [...tags.keys()],
      upTo: wanted,
    }),

    done(intents) {
      const settle = (from: Map<string, number>, name: string): boolean =>
        (from.get(name) ?? Number.POSITIVE_INFINITY) <= intents.upTo && from.delete(name);
      for (const cache of intents.caches) settle(caches, cache);
      for (const tag of intents.tags) settle(tags, tag);
      for (const [cache, some] of intents.keys) {
        const own = keys.get(cache);
        if (own === undefined) continue;
        for (const key of some) if (settle(own, key)) count -= 1;
        if (own.size === 0) keys.delete(cache);
      }
    },
  };
}
