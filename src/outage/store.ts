import type { Breaker } from '../breaker.ts';
import type { Asked, Begun, Committed, Store } from '../store/store.ts';
import type { Kept } from './kept.ts';

/** An invalidation in numbers. */
export interface Invalidated {
  readonly cache: string | undefined;
  readonly keys: number;
  readonly tags: number;
}

export interface Guard {
  readonly breaker: Pick<Breaker, 'isOpen'>;
  readonly kept: Kept;
  /** What is thrown at once while the server is known to be away. */
  readonly away: Error;
  /** Carries an invalidation out, or keeps it. Never fails because of the server. */
  orKeep(what: Invalidated, carryOut: () => Promise<unknown>, keep: () => void): Promise<void>;
}

const absent: Promise<readonly undefined[]> = Promise.resolve([undefined]);

/**
 * A store that fails at once while its server is known to be away, and keeps the deletions that it did not accept. A key
 * whose deletion is kept is absent for reads, and what is loaded for it is not stored.
 */
export function guardStore(store: Store, { breaker, kept, away, orKeep }: Guard): Store {
  /** Asks the store for the keys it may be asked for; `bypassed` is the answer for the others. */
  const ask = async <T>(
    cache: string,
    keys: readonly string[],
    bypassed: T,
    send: (at: readonly number[], keys: readonly string[]) => Promise<readonly T[]>,
  ): Promise<T[]> => {
    const at: number[] = [];
    for (let i = 0; i < keys.length; i++) if (!kept.has(cache, keys[i]!)) at.push(i);
    const answers = new Array<T>(keys.length).fill(bypassed);
    if (at.length === 0) return answers;
    const told = await send(
      at,
      at.map((i) => keys[i]!),
    );
    at.forEach((position, i) => {
      answers[position] = told[i]!;
    });
    return answers;
  };
  let bypassed: Map<string, Asked> | undefined;
  /** A read that the store is not asked, one for all who ask for the key in a tick. */
  const bypassing = (cache: string, key: string, answer: () => Asked['found']): Asked => {
    if (bypassed === undefined) {
      bypassed = new Map();
      process.nextTick(() => {
        bypassed = undefined;
      });
    }
    const name = `${cache} ${key}`;
    const known = bypassed.get(name);
    if (known !== undefined) return known;
    const asked: Asked = { found: answer(), place: 0, share: undefined };
    bypassed.set(name, asked);
    return asked;
  };
  return {
    get(cache, key) {
      if (breaker.isOpen) return bypassing(cache, key, () => Promise.reject(away));
      if (kept.size > 0 && kept.has(cache, key)) return bypassing(cache, key, () => absent);
      return store.get(cache, key);
    },

    async getMany(cache, keys) {
      if (breaker.isOpen) throw away;
      if (kept.size === 0) return store.getMany(cache, keys);
      return ask<Buffer | undefined>(cache, keys, undefined, (_, some) => store.getMany(cache, some));
    },

    async heads(cache, keys) {
      if (breaker.isOpen) throw away;
      if (kept.size === 0) return store.heads(cache, keys);
      return ask<Buffer | undefined>(cache, keys, undefined, (_, some) => store.heads(cache, some));
    },

    async begin(cache, keys, lease, options) {
      if (breaker.isOpen) throw away;
      if (kept.size === 0) return store.begin(cache, keys, lease, options);
      const { past } = options;
      // "Own" without a lease: the key is loaded, and the commit finds no lease to write under.
      return ask<Begun>(cache, keys, 'own', (at, some) =>
        store.begin(cache, some, lease, past ? { ...options, past: at.map((i) => past[i]) } : options),
      );
    },

    async commit(batch, drafts, options = {}) {
      if (breaker.isOpen) throw away;
      if (kept.size === 0) return store.commit(batch, drafts, options);
      const keys = drafts.map(({ key }) => key);
      const { heard } = options;
      if (heard) keys.forEach((key, i) => void (kept.has(batch.cache, key) && heard(i, 'lost')));
      return ask<Committed>(batch.cache, keys, 'lost', (at) =>
        store.commit(
          batch,
          at.map((i) => drafts[i]!),
          heard ? { ...options, heard: (i, result) => heard(at[i]!, result) } : options,
        ),
      );
    },

    async abort(cache, keys, token, restMs) {
      if (breaker.isOpen) throw away;
      if (kept.size === 0) return store.abort(cache, keys, token, restMs);
      return ask<boolean>(cache, keys, false, (_, some) => store.abort(cache, some, token, restMs));
    },

    delete: (cache, keys) =>
      orKeep(
        { cache, keys: keys.length, tags: 0 },
        () => store.delete(cache, keys),
        () => kept.keep(cache, keys),
      ),

    // A value that cannot be written now must at least not leave the older one behind.
    set: (batch, drafts) => {
      const keys = drafts.map(({ key }) => key);
      return orKeep(
        { cache: batch.cache, keys: keys.length, tags: 0 },
        () => store.set(batch, drafts),
        () => kept.keep(batch.cache, keys),
      );
    },

    expire: (cache, keys) =>
      orKeep(
        { cache, keys: keys.length, tags: 0 },
        () => store.expire(cache, keys),
        () => kept.keep(cache, keys),
      ),

    async touch(cache, touches) {
      if (breaker.isOpen) throw away;
      return store.touch(cache, touches);
    },

    clear: (cache) =>
      orKeep(
        { cache, keys: 0, tags: 0 },
        () => store.clear(cache),
        () => kept.keepAll(cache),
      ),

    async memory() {
      if (breaker.isOpen) throw away;
      return store.memory();
    },
  };
}
