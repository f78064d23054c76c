import type { AnyCacheDef } from '../define.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { leaseMs, newToken } from '../lease/lease.ts';
import { prepare, squeezed } from './draft.ts';
import type { MissParts } from './miss.ts';
import { nothingToWriteWith, type OriginWrite } from './origin-write.ts';

export interface WriteParts extends Pick<MissParts, 'settings' | 'store' | 'tags' | 'clock' | 'events'> {
  readonly def: AnyCacheDef;
  readonly originWrite: (write: OriginWrite) => Promise<void>;
  /** Forgets what is stored, and every load under way. */
  forget(keys: readonly string[]): Promise<void>;
  /** Forgets what this process has in memory of them: its own words of what it stores are not for it. */
  drop(keys: readonly string[]): void;
}

/**
 * Writes a value to the origin, then forgets the entry: a load that read the value before cannot be stored any more, and
 * the next reader gets what the origin made of it. Of two writers at once the origin decides, whoever is done last.
 */
export function createWrite({ def, originWrite, forget }: WriteParts) {
  return async (id: unknown, value: unknown): Promise<void> => {
    const key = def.key.encode(id);
    if (def.write === undefined) throw nothingToWriteWith(def);
    if (value === undefined)
      throw new SamovarError('E_ENCODE', `undefined was to be written to caches.${def.name}`);
    try {
      await originWrite({ key, id, value });
    } finally {
      // Also when it failed: nobody knows how far it came.
      await forget([key]);
    }
  };
}

/**
 * Writes a value to the origin and stores it, under a lease that was taken before: of two writers at once only one can
 * hold it, and the other takes it away, so that what is stored is never the older of the two.
 */
export function createWriteThrough(parts: WriteParts) {
  const { def, settings, store, tags, clock, events, originWrite, forget, drop } = parts;
  const cache = def.name;

  const lease = async (key: string, token: string): Promise<boolean> => {
    try {
      // Not over before nobody can read an older value any more.
      const ms = Math.max(leaseMs(settings.timeoutMs), settings.holdOffMs);
      const [begun] = await store.begin(cache, [key], { token, ms }, { want: 'write' });
      return begun === 'own';
    } catch (error) {
      events.emit('store:failed', { role: 'cache', message: messageOf(error) });
      return false;
    }
  };

  return async (id: unknown, value: unknown): Promise<void> => {
    const key = def.key.encode(id);
    const { draft, isTooBig, isFleeting } = prepare(def, settings, { key, id, value, row: 0 });
    const token = newToken();
    let isStored = false;
    try {
      const isOurs = !isTooBig && !isFleeting && draft.body !== undefined && (await lease(key, token));
      const seq = isOurs && settings.isTagged ? await tags.seq() : 0;
      await originWrite({ key, id, value });
      if (!isOurs) return;
      const { isTagged } = settings;
      const batch = {
        cache,
        token,
        isTagged,
        filledBy: 's',
        filledAt: clock.now(),
        seq,
        plan: 0,
        loadMs: 0,
      } as const;
      const [done] = await store.commit(batch, await squeezed([draft], settings));
      isStored = done === 'written';
    } finally {
      if (isStored) drop([key]);
      else await forget([key]);
    }
  };
}
