import type { Samovar } from '../facade.ts';
import type { Database } from './database.ts';
import type { Ground } from './ground.ts';
import { buffered, nothingBuffered } from './rooms.ts';

/** What operators do with buffered writes. */
export function createWrites(ground: Ground, ready: () => Promise<Database>): Samovar['writes'] {
  const { caches } = ground;
  return {
    caches: () => ground.config.caches.filter((def) => def.writeBehind !== undefined).map(({ name }) => name),
    ledger: async (cache) => buffered(ground, cache).ledger(cache),
    partitionOf: (key) => (ground.dirty ?? nothingBuffered(ground)).partitionOf(key),
    async flush(cache) {
      buffered(ground, cache);
      const flusher = (await ready()).flushers.get(cache)!;
      const report = await flusher.flush({ isForced: true });
      // Workers go on at once, and do not wait for a lease that nobody uses.
      await flusher.close();
      return report;
    },
    async dead(cache, { most = 50 } = {}) {
      const letters = await buffered(ground, cache).letters(cache, { most });
      return letters.map(({ form: _, ...letter }) => letter);
    },
    async show(cache, key) {
      const letter = await buffered(ground, cache).letter(cache, key);
      if (letter === undefined) return undefined;
      const { form, ...rest } = letter;
      return form === undefined ? rest : { ...rest, value: await caches.read(cache, form) };
    },
    retry: async (cache, keys) => buffered(ground, cache).retry(cache, keys),
    drop: async (cache, keys) => buffered(ground, cache).drop(cache, keys),
  };
}
