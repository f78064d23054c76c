import { Redis } from 'ioredis';
import type pg from 'pg';
import { afterAll } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Dirty, DirtyRow } from '../../src/dirty/dirty.ts';
import { createFlusher, type FlushSettings } from '../../src/dirty/flusher.ts';
import { createDirtyRecords } from '../../src/dirty/postgres.ts';
import { createUpsertTarget } from '../../src/dirty/postgres-upsert.ts';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import type { Reached, Target, TargetRow } from '../../src/dirty/target.ts';
import { createEmitter, type EventName, type Events } from '../../src/events.ts';
import type { UpsertDef } from '../../src/upsert.ts';

const marks = { soft: 100_000, hard: 100_000 };
const settings: FlushSettings = {
  delayMs: 0,
  batch: 500,
  mostDead: 1_000,
  mostSearches: 10_000,
  leaseMs: 30_000,
  lanes: 2,
};
const told = [
  'flush:wrote',
  'flush:settled',
  'flush:failed',
  'flush:paused',
  'flush:resumed',
  'flush:fenced',
  'flush:dead',
  'flush:dead-full',
  'flush:unsearched',
  'flush:unreadable',
  'flush:conflict',
] as const satisfies EventName[];

/** A row as a writer gets it: its id is its key, its value the JSON that was written. */
const openRow = ({ partition, key, version, form }: DirtyRow): TargetRow => {
  const json = form && String(form.body);
  return { partition, key, version, id: key, value: json && JSON.parse(json), json };
};

let made = 0;

/** One buffer and who flushes it, on a connection of its own. */
export function buffer(url: string, pool: pg.Pool, cache = 'shop') {
  const redis = new Redis(url);
  afterAll(() => redis.disconnect());
  const dirty: Dirty = createRedisDirty(redis, { prefix: 'test' });
  const put = (key: string, value: unknown) =>
    dirty.write(
      cache,
      {
        key,
        form: value === undefined ? undefined : { body: JSON.stringify(value), flags: 0 },
        operation: `o${++made}`,
      },
      marks,
    );
  return {
    dirty,
    redis,
    put,
    flusher(
      def: UpsertDef | Target,
      options: Partial<FlushSettings> & { reached?: Reached; holder?: string; clock?: Clock } = {},
    ) {
      const { reached, holder = `flusher-${++made}`, clock = systemClock, ...own } = options;
      const events = createEmitter((error) => {
        throw error;
      });
      const log: { name: EventName; event: unknown }[] = [];
      for (const name of told) events.on(name, (event) => void log.push({ name, event }));
      const written: string[] = [];
      const flusher = createFlusher({
        cache,
        settings: { ...settings, ...own },
        dirty,
        grants: createDirtyRecords(pool),
        target: 'kind' in def ? createUpsertTarget(pool, { cache, def }) : def,
        openRow,
        written: async (keys) => void written.push(...keys),
        holder,
        clock,
        events,
        ...(reached ? { reached } : {}),
      });
      return Object.assign(flusher, {
        written,
        told: <Name extends EventName>(name: Name) =>
          log.filter((each) => each.name === name).map(({ event }) => event) as Events[Name][],
      });
    },
  };
}
