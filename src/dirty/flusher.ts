import type { Clock } from '../clock.ts';
import type { FlushReport } from '../dirty-shapes.ts';
import { messageOf } from '../errors.ts';
import type { Emitter } from '../events.ts';
import { type CarrierParts, createCarrier, type Pass } from './carrier.ts';
import { blameOf, reasonOf } from './classes.ts';
import type { Dirty, DirtyRow } from './dirty.ts';
import { type Claimed, runLane } from './lane.ts';
import type { Grants, Reached, Target, TargetRow } from './target.ts';

export interface FlushSettings {
  readonly delayMs: number;
  /** Rows in one statement. */
  readonly batch: number;
  /** Dead letters in one partition. */
  readonly mostDead: number;
  /** Statements a minute that find out which rows of a refused batch are to blame. */
  readonly mostSearches: number;
  readonly leaseMs: number;
  /** Statements under way at once. */
  readonly lanes: number;
}

export interface FlusherParts {
  readonly cache: string;
  readonly settings: FlushSettings;
  readonly dirty: Pick<Dirty, 'lease' | 'release' | 'raise' | 'claim' | 'ack' | 'dead'>;
  readonly grants: Grants;
  readonly target: Target;
  /** Makes of a stored form what the writer gets. Throws E_ENCODE or E_KEY for what cannot be read. */
  readonly openRow: (row: DirtyRow) => TargetRow | Promise<TargetRow>;
  /** These are the origin's now: what is stored of them may differ from what it made of them. */
  readonly written: (keys: readonly string[]) => Promise<void>;
  /** Names this process. */
  readonly holder: string;
  readonly clock: Clock;
  readonly events: Pick<Emitter, 'emit'>;
  /** @default nobody waits anywhere */
  readonly reached?: Reached;
  readonly random?: () => number;
}

export interface FlushOptions {
  /** Also what is younger than the delay. */
  readonly isForced?: boolean;
  readonly signal?: AbortSignal;
}

export interface Flusher {
  readonly cache: string;
  /** Carries over what is due. Calls at once share one pass. Never throws because of a server or a row. */
  flush(options?: FlushOptions): Promise<FlushReport>;
  readonly isPaused: boolean;
  /** Gives the partitions back. */
  close(): Promise<void>;
}

const firstBackoffMs = 50;
const longestBackoffMs = 5_000;
const pauseMs = 5_000;
/** What could not be read may have been written anew since. */
const lookAgainMs = 5_000;

/** Carries the dirty writes of one cache over to its origin: claim, write, let go. It can die anywhere in between. */
export function createFlusher(parts: FlusherParts): Flusher {
  const { cache, settings, dirty, grants, target, openRow, written, holder, clock, events } = parts;
  const { reached = () => {}, random = Math.random } = parts;
  const epochs = new Map<number, number>();
  /** Entries of another format, by partition, and until when they are believed to be there. */
  const unreadable = new Map<number, number>();
  let unreadableUntil = 0;
  let renewAt = 0;
  let waitUntil = 0;
  let failures = 0;
  let isPaused = false;
  let running: Promise<FlushReport> | undefined;
  let taking: Promise<void> | undefined;
  /** From which partition on the next claim looks: all have their turn. */
  let turn = 0;

  /** The partitions that are ours; those that are newly so under an epoch of their own. */
  const take = (): Promise<void> => {
    taking ??= lease().finally(() => {
      taking = undefined;
    });
    return taking;
  };
  const lease = async (): Promise<void> => {
    const leased = await dirty.lease(cache, holder, settings.leaseMs);
    renewAt = clock.elapsed() + settings.leaseMs / 3;
    const ours = new Set(leased);
    for (const p of epochs.keys()) if (!ours.has(p)) epochs.delete(p);
    const fresh = leased.filter((p) => !epochs.has(p));
    if (fresh.length === 0) return;
    await reached('after-lease');
    await reached('before-epoch');
    const granted = await grants.grant(cache, holder, fresh);
    // A buffer that lost its newest state must not give versions that the origin takes for old ones.
    const floors = new Map(
      Array.from(granted, ([p, { high }]) => [p, high]).filter(([, high]) => high! > 0) as [number, number][],
    );
    await dirty.raise(cache, floors);
    for (const [p, { epoch }] of granted) epochs.set(p, epoch);
  };

  const { mostDead, mostSearches } = settings;
  const lost: CarrierParts['lost'] = (partition, epoch) => {
    if (epochs.get(partition) === epoch) epochs.delete(partition);
  };
  const around = { cache, mostDead, mostSearches, dirty, target, written, clock, events, reached, lost };
  const { carry, bury, isResting } = createCarrier(around);

  const openRows = async (pass: Pass, { rows, epochs: claimedUnder }: Claimed): Promise<TargetRow[]> => {
    const opened: TargetRow[] = [];
    for (const row of rows) {
      const { partition } = row;
      // Claimed ahead, and not to be had any more.
      if (pass.stuck.has(partition) || epochs.get(partition) !== claimedUnder.get(partition)) continue;
      try {
        const made = openRow(row);
        opened.push(made instanceof Promise ? await made : made);
      } catch (error) {
        await bury(pass, row, error);
      }
    }
    return opened;
  };

  const claim = async (
    pass: Pass,
    own: (p: number) => boolean,
    skip: ReadonlyMap<number, number>,
  ): Promise<Claimed | undefined> => {
    if (clock.elapsed() >= renewAt) await take();
    const ours = [...epochs.keys()]
      .filter((p) => own(p) && !pass.stuck.has(p) && !isResting(p))
      .sort((a, b) => a - b);
    if (ours.length === 0) return undefined;
    const first = Math.max(
      0,
      ours.findIndex((p) => p >= turn),
    );
    const partitions = [...ours.slice(first), ...ours.slice(0, first)];
    const claimedUnder = new Map(epochs);
    const claimed = await dirty.claim(cache, {
      partitions,
      most: settings.batch,
      olderThanMs: pass.olderThanMs,
      skip: new Map(partitions.map((p) => [p, (skip.get(p) ?? 0) + (unreadable.get(p) ?? 0)])),
    });
    turn = (claimed.rows.at(-1)?.partition ?? turn) + 1;
    let passed = 0;
    for (const [p, count] of claimed.unreadable) {
      unreadable.set(p, (unreadable.get(p) ?? 0) + count);
      passed += count;
    }
    if (passed > 0) events.emit('flush:unreadable', { cache, rows: passed });
    return { ...claimed, epochs: claimedUnder };
  };

  const lane = (pass: Pass, own: (p: number) => boolean): Promise<void> =>
    runLane({
      claim: (skip) => claim(pass, own, skip),
      carry: async (claimed) => {
        await reached('after-claim');
        return carry(pass, await openRows(pass, claimed), claimed);
      },
      isOver: () => pass.signal.aborted,
    });

  const failed = (error: unknown): 'backing-off' | 'paused' => {
    const blame = blameOf(error);
    if (blame === 'schema') {
      target.forget();
      waitUntil = clock.elapsed() + pauseMs;
      if (!isPaused)
        events.emit('flush:paused', { cache, code: reasonOf(error).code, message: messageOf(error) });
      isPaused = true;
      return 'paused';
    }
    failures += 1;
    const most = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(failures, 10));
    waitUntil = clock.elapsed() + most * (0.5 + random() / 2);
    const { code } = reasonOf(error);
    events.emit('flush:failed', { cache, code, message: messageOf(error), times: failures });
    return 'backing-off';
  };

  const run = async ({ isForced = false, signal = new AbortController().signal }: FlushOptions) => {
    const pass: Pass = {
      flushed: 0,
      applied: 0,
      dead: 0,
      statements: 0,
      stuck: new Set(),
      signal,
      olderThanMs: isForced ? 0 : settings.delayMs,
    };
    const report = (stopped?: FlushReport['stopped']): FlushReport => {
      const { flushed, applied, dead, statements } = pass;
      const passed = [...unreadable.values()].reduce((sum, count) => sum + count, 0);
      const totals = { flushed, applied, dead, statements, unreadable: passed };
      return { ...totals, ...(stopped === undefined ? {} : { stopped }) };
    };
    if (clock.elapsed() < waitUntil) return report(isPaused ? 'paused' : 'backing-off');
    const from = clock.elapsed();
    if (from >= unreadableUntil) {
      unreadable.clear();
      unreadableUntil = from + lookAgainMs;
    }
    try {
      await take();
      const lanes = Array.from({ length: settings.lanes }, (_, i) =>
        lane(pass, (p) => p % settings.lanes === i),
      );
      // All of them, before anybody is told: what is under way has its epoch and may still be let go.
      for (const each of await Promise.allSettled(lanes)) if (each.status === 'rejected') throw each.reason;
    } catch (error) {
      return report(failed(error));
    }
    failures = 0;
    if (isPaused && pass.statements > 0) {
      isPaused = false;
      events.emit('flush:resumed', { cache });
    }
    if (pass.flushed + pass.dead > 0)
      events.emit('flush:settled', {
        cache,
        rows: pass.flushed,
        dead: pass.dead,
        ms: clock.elapsed() - from,
      });
    if (pass.stuck.size > 0) waitUntil = clock.elapsed() + longestBackoffMs / 10;
    const isStuck = pass.stuck.size > 0 || [...epochs.keys()].some(isResting);
    return report(signal.aborted ? 'aborted' : isStuck ? 'stuck' : undefined);
  };

  return {
    cache,
    get isPaused() {
      return isPaused;
    },
    async flush(options = {}) {
      // One that asks for all must not be answered by a pass that leaves the young ones.
      while (running !== undefined && options.isForced) await running.catch(() => {});
      running ??= run(options).finally(() => {
        running = undefined;
      });
      return running;
    },
    async close() {
      await running?.catch(() => {});
      epochs.clear();
      await dirty.release(cache, holder);
    },
  };
}
