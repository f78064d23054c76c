import type { CacheDef } from '../define.ts';
import type { ReadOptions, Settled } from '../facade.ts';
import { createMisses } from './miss.ts';
import { createReadMany } from './read-many.ts';
import { createReadOne } from './read-one.ts';
import { createReadSteps, type ReadParts } from './read-steps.ts';
import { createRefresher } from './refresh.ts';
import { createTogether } from './together.ts';

/** Reads by key: of what is in Redis, else of what a load brings; each is counted. */
export interface Reads<Id, Value> {
  one(key: string, id: Id, options: ReadOptions<Id, Value> | undefined): Promise<Value | undefined>;
  /** By key, in the order they were asked. */
  many(
    asked: ReadonlyMap<string, Id>,
    options: ReadOptions<Id, Value> | undefined,
  ): Promise<Map<string, Settled<Value>>>;
  /** What is on its way for these keys is no longer theirs. */
  drop(keys: readonly string[]): void;
  settled(): Promise<void>;
}

export function createReads<Id, Value>(def: CacheDef<string, Id, Value>, parts: ReadParts): Reads<Id, Value> {
  const { clock, settings, memory } = parts;
  const misses = createMisses(parts);
  const refresher = createRefresher(parts);
  const steps = createReadSteps<Id, Value>(def, parts, refresher);
  return {
    one: createReadOne(def, parts, steps, createTogether(misses, clock, settings.gatherMs)),
    many: createReadMany(def, parts, steps, misses),
    drop(keys) {
      misses.drop(keys);
      refresher.drop(keys);
      memory?.drop(keys);
    },
    async settled() {
      await Promise.all([misses.settled(), refresher.settled(), steps.slid()]);
    },
  };
}
