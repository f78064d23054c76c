import type { Clock } from '../../src/clock.ts';
import type { LoadReason } from '../../src/define.ts';

/** Counts what the database was asked for, from inside the loader. */
export interface Loads {
  note(reason: LoadReason, keys: readonly string[]): void;
  /** How often a key was loaded for a reader since the last time this was asked. */
  take(key: string): number;
  /** Queries for readers and for warming, and when the latter began, since the last time this was asked. */
  sinceLast(): LoadCounts;
}

export interface LoadCounts {
  readonly forReaders: number;
  readonly forWarming: number;
  readonly warming: readonly { readonly at: number; readonly size: number }[];
}

export function createLoads(clock: Clock): Loads {
  const missed = new Map<string, number>();
  let forReaders = 0;
  let warming: { at: number; size: number }[] = [];
  return {
    note(reason, keys) {
      if (reason !== 'miss') {
        warming.push({ at: clock.elapsed(), size: keys.length });
        return;
      }
      forReaders += 1;
      for (const key of keys) missed.set(key, (missed.get(key) ?? 0) + 1);
    },
    take(key) {
      const count = missed.get(key) ?? 0;
      missed.delete(key);
      return count;
    },
    sinceLast() {
      const counts = { forReaders, forWarming: warming.length, warming };
      [forReaders, warming] = [0, []];
      missed.clear();
      return counts;
    },
  };
}
