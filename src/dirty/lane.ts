import type { Claim, DirtyRow } from './dirty.ts';
import { countBy } from './group.ts';

/** What was claimed, and under which epochs. */
export interface Claimed extends Claim {
  readonly epochs: ReadonlyMap<number, number>;
}

export interface LaneParts {
  /** Undefined = no partition is left. So many of the oldest are left out as are under way. */
  claim(skip: ReadonlyMap<number, number>): Promise<Claimed | undefined>;
  /** Resolves when the rows are where they belong, or put aside, with what lets go of them: it asks at once, and waits. */
  carry(claimed: Claimed): Promise<() => Promise<void>>;
  isOver(): boolean;
}

const none: ReadonlyMap<number, number> = new Map();

/**
 * Claims and carries until nothing is due. While a statement is under way the rows of the next are read, and those of the one
 * before are let go of: neither server waits for the other.
 */
export async function runLane({ claim, carry, isOver }: LaneParts): Promise<void> {
  let settling = Promise.resolve();
  let claiming = claim(none);
  /** Whether rows were under way when it was claimed. */
  let isAhead = false;
  let before: ReadonlyMap<string, number> = new Map();
  try {
    while (!isOver()) {
      const claimed = await claiming;
      if (claimed === undefined) break;
      const { rows: all, hasMore } = claimed;
      const rows = all.filter(({ key, version }) => before.get(key) !== version);
      if (all.length === 0 && !hasMore && !isAhead) break;
      isAhead = hasMore;
      if (hasMore) claiming = quiet(claim(countBy(all, ({ partition }) => partition)));
      const letGo = rows.length === 0 ? undefined : await carry({ ...claimed, rows });
      await settling;
      settling = quiet(letGo?.() ?? Promise.resolve());
      before = versionsOf(rows);
      if (hasMore) continue;
      await settling;
      before = new Map();
      claiming = quiet(claim(none));
    }
    await settling;
  } finally {
    // Nobody is told before what is under way has ended.
    await Promise.allSettled([settling, claiming]);
  }
}

const versionsOf = (rows: readonly DirtyRow[]): ReadonlyMap<string, number> =>
  new Map(rows.map(({ key, version }) => [key, version]));

/** Whoever awaits it is told of its error; until then it is nobody's. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
