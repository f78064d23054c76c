import type { Reads, Writes } from '../rooms.ts';
import type { Database } from './database.ts';
import { configured, type Ground } from './ground.ts';
import { createWishes } from './wishes.ts';

/** Every room as jobs see it: what they may ask, and what they may have done. */
export function createRooms(ground: Ground, database: Database): { reads: Reads; writes: Writes } {
  const { config, caches, store, tags, producer, accessLog } = ground;
  const { buckets, forecasts, plans } = database;
  return {
    reads: {
      accessLog,
      buckets,
      forecasts,
      plans,
      store: { look: caches.look, memory: () => store.memory() },
      caches: createWishes(config),
    },
    writes: {
      accessLog,
      buckets,
      forecasts,
      plans,
      cache: { fill: caches.fill },
      tags,
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

/** Only the named rooms: a job gets what it declared, and no other. */
export function pick<Rooms extends object>(rooms: Rooms, names: readonly string[]): Partial<Rooms> {
  return Object.fromEntries(Object.entries(rooms).filter(([name]) => names.includes(name))) as Partial<Rooms>;
}
