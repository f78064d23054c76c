import type pg from 'pg';
import { type Change, createOutbox } from '../../src/change/postgres.ts';
import { createTriggers, type Triggers } from '../../src/change/postgres-triggers.ts';
import { watchedTables } from '../../src/change/watch.ts';
import { type AnyCacheDef, defineCache, defineOrigin, type InvalidateOn } from '../../src/define.ts';
import { type KeyCodec, key } from '../../src/key.ts';

const origin = defineOrigin('shop');

/** A cache that is there for what it depends on. */
export const watching = (
  name: string,
  invalidateOn: InvalidateOn | readonly InvalidateOn[],
  codec: KeyCodec<never> = key.number as unknown as KeyCodec<never>,
): AnyCacheDef => defineCache(name, { origin, key: codec, ttl: '10m', load: () => new Map(), invalidateOn });

export const triggersOf = (pool: pg.Pool, ...caches: AnyCacheDef[]): Triggers =>
  createTriggers(pool, watchedTables(caches));

/** Everything in the outbox, taken away. */
export async function taken(pool: pg.Pool): Promise<Change[]> {
  const outbox = createOutbox(pool);
  const all: Change[] = [];
  while ((await outbox.drain(async (changes) => void all.push(...changes))).rows > 0);
  return all;
}

/** The ids in the outbox, sorted; 'all' for a row that voids a cache. */
export async function idsTaken(pool: pg.Pool): Promise<string[]> {
  const rows = await taken(pool);
  return rows.flatMap(({ isAll, ids, tags }) => (isAll ? ['all'] : [...ids, ...tags])).sort();
}
