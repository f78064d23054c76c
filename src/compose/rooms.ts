import type { Assured } from '../dirty/assured.ts';
import { SamovarError } from '../errors.ts';
import type { Reads, Writes } from '../rooms.ts';
import { configured, definitionOf } from './configured.ts';
import type { Database } from './database.ts';
import { dueOf, dueReads } from './due.ts';
import type { Ground } from './ground.ts';
import { createWishes } from './wishes.ts';

/** Every room as jobs see it: what they may ask, and what they may have done. */
export function createRooms(ground: Ground, database: Database): { reads: Reads; writes: Writes } {
  const { config, caches, store, tags, producer, accessLog, due, events, clock } = ground;
  const { buckets, forecasts, plans, flushers, dirtyRecords, refreshes } = database;
  return {
    reads: {
      accessLog,
      buckets,
      forecasts,
      plans,
      store: { look: caches.look, ages: caches.ages, memory: () => store.memory() },
      due: dueReads(ground),
      caches: createWishes(config),
      dirty: {
        caches: () => [...flushers.keys()],
        ledger: (cache) => buffered(ground, cache).ledger(cache),
      },
    },
    writes: {
      accessLog,
      buckets,
      forecasts,
      plans,
      cache: { fill: caches.fill, invalidate: caches.invalidate },
      due: {
        open: (cache, keys) =>
          refreshes.open(cache, { keys, now: clock.now(), longestMs: dueOf(config, cache).longestMs }),
        note: (mark, report) => (mark === 0 ? Promise.resolve() : refreshes.note(mark, report)),
        prune: (now) => refreshes.prune(now),
        claim: due.claim,
        async settle(claims, again, results) {
          await due.settle(claims, again);
          for (const { cache } of claims.slice(0, 1)) events.emit('refresh:settled', { cache, results });
        },
      },
      tags,
      dirty: {
        flush: async (cache, options) =>
          (flushers.get(cache) ?? nothingBuffered(ground, cache)).flush(options),
        prune: (now) => dirtyRecords.prune(now),
      },
      queue: {
        enqueue: (job, payload, { once, delayMs } = {}) =>
          producer.enqueue(configured(config, job), payload, {
            ...(once === undefined ? {} : { once }),
            ...(delayMs === undefined ? {} : { delayMs }),
          }),
      },
    },
  };
}

/** The buffer, or E_USAGE where a cache has none. */
export function buffered(ground: Ground, cache: string): Assured {
  const { writeBehind } = definitionOf(ground.config, cache);
  return writeBehind && ground.dirty ? ground.dirty : nothingBuffered(ground, cache);
}

export function nothingBuffered({ config }: Ground, cache?: string): never {
  if (cache === undefined)
    throw new SamovarError('E_USAGE', 'no cache has `writeBehind`: nothing is buffered');
  definitionOf(config, cache);
  throw new SamovarError('E_USAGE', `cache '${cache}' has no \`writeBehind\`: nothing of it is buffered`);
}

/** Only the named rooms: a job gets what it declared, and no other. */
export function pick<Rooms extends object>(rooms: Rooms, names: readonly string[]): Partial<Rooms> {
  return Object.fromEntries(Object.entries(rooms).filter(([name]) => names.includes(name))) as Partial<Rooms>;
}
