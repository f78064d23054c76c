import type { Clock } from '../clock.ts';
import type { Emitter } from '../events.ts';
import { blameOf, isOrphan, reasonOf, refusedIds } from './classes.ts';
import type { Dirty, RowName } from './dirty.ts';
import { groupBy } from './group.ts';
import type { Claimed } from './lane.ts';
import { createSearches } from './searches.ts';
import type { Reached, Target, TargetRow } from './target.ts';

/** What one pass over the dirty rows comes to. */
export interface Pass {
  flushed: number;
  applied: number;
  dead: number;
  statements: number;
  /** Partitions with rows that cannot go now. */
  readonly stuck: Set<number>;
  readonly signal: AbortSignal;
  readonly olderThanMs: number;
}

export interface CarrierParts {
  readonly cache: string;
  /** Dead letters in one partition. */
  readonly mostDead: number;
  /** Statements a minute that find out which rows of a refused batch are to blame. */
  readonly mostSearches: number;
  readonly dirty: Pick<Dirty, 'ack' | 'dead'>;
  readonly target: Target;
  readonly written: (keys: readonly string[]) => Promise<void>;
  readonly clock: Clock;
  readonly events: Pick<Emitter, 'emit'>;
  readonly reached: Reached;
  /** Another one holds a partition that was held under this epoch. */
  lost(partition: number, epoch: number | undefined): void;
}

/** Lets go of rows that were written: asks at once, and waits. */
export type LetGo = () => Promise<void>;

export interface Carrier {
  /** Writes a batch; when a row of it is to blame, its halves, down to that row. */
  carry(pass: Pass, rows: readonly TargetRow[], claimed: Claimed): Promise<LetGo>;
  /** Puts a row aside that the origin will not take as it is. */
  bury(pass: Pass, row: RowName, error: unknown): Promise<void>;
  /** Whether rows of a partition are left alone for a while. */
  isResting(partition: number): boolean;
}

/** Passes in which a row may wait for its parent. */
const mostOrphanTries = 20;
/** A partition with rows that can neither be written nor put aside is left alone so long. */
const restMs = 5_000;
const nothingLeft: LetGo = async () => {};

/** Brings the rows of one cache to their origin, and finds out which of them it will not take. */
export function createCarrier(parts: CarrierParts): Carrier {
  const { cache, mostDead, mostSearches, dirty, target, written, clock, events, reached, lost } = parts;
  const orphans = new Map<string, number>();
  const maySearch = createSearches(mostSearches, clock);
  const restsUntil = new Map<number, number>();

  const rest = (pass: Pass, partition: number): void => {
    pass.stuck.add(partition);
    restsUntil.set(partition, clock.elapsed() + restMs);
  };

  /** One statement. */
  const send = async (
    pass: Pass,
    rows: readonly TargetRow[],
    { claimedAt, seen, epochs: claimedUnder }: Claimed,
  ): Promise<LetGo> => {
    // As they were: a grant that came since is not what these rows were claimed under.
    const sending = target.write({ rows, epochs: claimedUnder, signal: pass.signal });
    pass.statements += 1;
    sending.catch(() => {});
    await reached('sql-sent');
    const { held, applied, newer = 0 } = await sending;
    await reached('after-commit');
    if (held.length < rows.length) {
      const ours = new Set(held.map(({ partition }) => partition));
      const others = new Set(rows.map(({ partition }) => partition).filter((p) => !ours.has(p)));
      for (const p of others) {
        lost(p, claimedUnder.get(p));
        pass.stuck.add(p);
      }
      events.emit('flush:fenced', { cache, partitions: others.size });
    }
    await reached('before-ack');
    return async () => {
      const gone = await dirty.ack(cache, held, claimedAt, seen);
      pass.flushed += gone;
      pass.applied += applied;
      if (orphans.size > 0) for (const { key } of held) orphans.delete(key);
      events.emit('flush:wrote', { cache, rows: held.length, applied, overtaken: held.length - gone });
      // What changed meanwhile may have been carried over by another; of the rest the buffer should hold the newest.
      const conflicts = newer - (held.length - gone);
      if (conflicts > 0) events.emit('flush:conflict', { cache, rows: conflicts });
      await written(held.map(({ key }) => key));
    };
  };

  const carry = async (
    pass: Pass,
    rows: readonly TargetRow[],
    claimed: Claimed,
    isPart = false,
  ): Promise<LetGo> => {
    if (rows.length === 0) return nothingLeft;
    if (isPart) await reached('mid-bisect');
    try {
      return await send(pass, rows, claimed);
    } catch (error) {
      if (blameOf(error) !== 'data') throw error;
      if (rows.length === 1) {
        await bury(pass, rows[0]!, error);
        return nothingLeft;
      }
      const named = new Set(refusedIds(error));
      const bad = rows.filter(({ id }) => named.has(id));
      if (bad.length > 0) {
        for (const row of bad) await bury(pass, row, error);
        const others = rows.filter(({ id }) => !named.has(id));
        return carry(pass, others, claimed, true);
      }
    }
    const middle = Math.ceil(rows.length / 2);
    for (const half of [rows.slice(0, middle), rows.slice(middle)])
      if (maySearch()) await (await carry(pass, half, claimed, true))();
      else await sift(pass, half, claimed);
    return nothingLeft;
  };

  /** Each partition in one statement: one that has bad rows holds up no other. */
  const sift = async (pass: Pass, rows: readonly TargetRow[], claimed: Claimed): Promise<void> => {
    let left = 0;
    for (const [partition, some] of groupBy(rows, (row) => row.partition)) {
      try {
        await (await send(pass, some, claimed))();
      } catch (error) {
        if (blameOf(error) !== 'data') throw error;
        if (some.length === 1) {
          await bury(pass, some[0]!, error);
          continue;
        }
        left += some.length;
        rest(pass, partition);
      }
    }
    if (left > 0) events.emit('flush:unsearched', { cache, rows: left });
  };

  const bury: Carrier['bury'] = async (pass, row, error) => {
    const tries = (orphans.get(row.key) ?? 0) + 1;
    if (isOrphan(error) && tries < mostOrphanTries) {
      orphans.set(row.key, tries);
      pass.stuck.add(row.partition);
      return;
    }
    orphans.delete(row.key);
    const reason = reasonOf(error);
    const [result] = await dirty.dead(cache, [{ ...row, reason }], mostDead);
    if (result === 'full') {
      // It stays dirty: what cannot be put aside is never dropped.
      rest(pass, row.partition);
      events.emit('flush:dead-full', { cache });
    } else if (result === 'dead') {
      pass.dead += 1;
      events.emit('flush:dead', { cache, code: reason.code });
      await written([row.key]);
    }
  };

  return {
    carry: (pass, rows, claimed) => carry(pass, rows, claimed),
    bury,
    isResting(partition) {
      const until = restsUntil.get(partition);
      if (until === undefined) return false;
      if (clock.elapsed() < until) return true;
      restsUntil.delete(partition);
      return false;
    },
  };
}
