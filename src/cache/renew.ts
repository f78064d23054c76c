import { type Clock, deadline } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import type { Budget } from '../origin/budget.ts';
import { bodyOf, filledAtOf, flagsOf, freshUntilOf, isEntry, isNegative } from '../store/entry.ts';
import type { Draft, Lease, Store, Touch } from '../store/store.ts';
import { renewedMs } from '../ttl/period.ts';
import { prepare } from './draft.ts';
import type { Reader } from './form.ts';
import type { CacheSettings } from './options.ts';
import { keysAt, type Work } from './work.ts';

export interface RenewalParts {
  readonly def: AnyCacheDef;
  readonly settings: CacheSettings;
  readonly store: Store;
  readonly reader: Reader;
  readonly budget: Budget;
  readonly clock: Clock;
}

/** What is done differently when entries are renewed that are still there. */
export interface Renewal {
  /** Takes the leases of entries that are what the request takes them for; their bytes are in `work.olds` then. */
  take(work: Work, at: readonly number[], lease: Lease): Promise<number[]>;
  /** Lets those live on that the origin says still hold; answers with the rest. */
  keepCurrent(work: Work, at: readonly number[], token: string): Promise<number[]>;
  /** The new value of an entry with the ttl that its key has come to. */
  adapted(work: Work, position: number, draft: Draft): Draft;
}

export function createRenewal({ def, settings, store, reader, budget, clock }: RenewalParts): Renewal {
  const cache = def.name;

  const ttlOf = (configuredMs: number, old: Buffer, hasChanged: boolean): number =>
    renewedMs({
      ...settings.renewal,
      configuredMs,
      lastMs: freshUntilOf(old) - filledAtOf(old),
      hasChanged,
      mayShorten: !budget.isStrained(def.origin),
    });

  /** The values of these, and by key where they are; what cannot be read is left out. */
  const valuesOf = async (work: Work, at: readonly number[]) => {
    const values = new Map<unknown, unknown>();
    const positions = new Map<string, number>();
    for (const position of at) {
      try {
        values.set(work.ids[position], await reader.fromEntry(work.olds.get(position)!));
        positions.set(work.request.keys[position]!, position);
      } catch {
        // It is loaded, which mends it.
      }
    }
    return { values, positions };
  };

  return {
    async take(work, at, lease) {
      const { request, results } = work;
      const heads = await store.heads(cache, keysAt(work, at));
      const there: number[] = [];
      const past: Buffer[] = [];
      at.forEach((position, i) => {
        const head = heads[i];
        if (head === undefined || !isEntry(head) || isNegative(head)) results[position] = 'lost';
        else if (filledAtOf(head) !== request.renews![position]) results[position] = 'fresh';
        else {
          there.push(position);
          past.push(head);
        }
      });
      if (there.length === 0) return [];
      const begun = await store.begin(cache, keysAt(work, there), lease, { want: 'refresh', past });
      const leased: number[] = [];
      begun.forEach((each, i) => {
        if (each === 'own') leased.push(i);
        else results[there[i]!] = typeof each === 'string' ? 'busy' : 'fresh';
      });
      // From here on a deletion takes the lease along; before it, there may have been one.
      const entries = await store.getMany(
        cache,
        leased.map((i) => request.keys[there[i]!]!),
      );
      const own: number[] = [];
      const gone: number[] = [];
      leased.forEach((i, n) => {
        const bytes = entries[n];
        const isThere = bytes?.subarray(0, past[i]!.length).equals(past[i]!);
        (isThere ? own : gone).push(there[i]!);
        if (isThere) work.olds.set(there[i]!, bytes!);
      });
      for (const position of gone) results[position] = 'lost';
      if (gone.length > 0) await store.abort(cache, keysAt(work, gone), lease.token);
      return own;
    },

    async keepCurrent(work, at, token) {
      if (def.stillCurrent === undefined) return [...at];
      const { values, positions } = await valuesOf(work, at);
      const limit = deadline(clock, settings.timeoutMs, () => new Error('late'), work.request.signal);
      const now = clock.now();
      const touches: Touch[] = [];
      const kept = new Set<number>();
      try {
        const ids = await Promise.race([limit.over, def.stillCurrent(values, { signal: limit.signal })]);
        for (const id of ids) {
          const key = def.key.encode(id);
          const position = positions.get(key);
          if (position === undefined || kept.has(position)) continue;
          const old = work.olds.get(position)!;
          const { draft } = prepare(def, settings, {
            key,
            id,
            value: values.get(work.ids[position]),
            row: 0,
          });
          const ttlMs = ttlOf(draft.ttlMs, old, false);
          const renewed = { plan: work.request.plan ?? 0, row: work.request.rows?.[position] ?? 0 };
          touches.push({ key, past: old, at: now, ttlMs, graceMs: draft.graceMs, renewed });
          kept.add(position);
        }
      } catch {
        // Who cannot say what still holds has it loaded.
        return [...at];
      } finally {
        limit.done();
      }
      if (touches.length === 0) return [...at];
      await store.touch(cache, touches);
      await store.abort(cache, keysAt(work, [...kept]), token);
      for (const position of kept) work.results[position] = 'fresh';
      work.unchanged += kept.size;
      work.stillCurrent.push(...kept);
      return at.filter((position) => !kept.has(position));
    },

    adapted(work, position, draft) {
      const old = work.olds.get(position);
      if (old === undefined || draft.body === undefined) return draft;
      const body = typeof draft.body === 'string' ? Buffer.from(draft.body) : draft.body;
      const hasChanged = flagsOf(old) !== draft.flags || !bodyOf(old).equals(body);
      if (!hasChanged) work.unchanged += 1;
      return { ...draft, ttlMs: ttlOf(draft.ttlMs, old, hasChanged) };
    },
  };
}
