import type { Collected } from '../collected.ts';

/** Whoever commits says so; nothing here knows a database. */
export function collect<What>(carryOut: (all: readonly What[]) => Promise<void>): Collected<What> {
  let all: What[] = [];
  return {
    invalidate: (what) => void all.push(what),
    savepoint: () =>
      collect<What>(async (inner) => {
        all.push(...inner);
      }),
    async commit() {
      const due = all;
      all = [];
      if (due.length > 0) await carryOut(due);
    },
    rollback() {
      all = [];
    },
  };
}
