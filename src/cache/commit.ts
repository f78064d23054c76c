import { type Clock, nextTurn } from '../clock.ts';
import type { Batch, CommitOptions, Draft, Store } from '../store/store.ts';

/** One load's entries on their way to the store; rejects as the store does. */
export type Commit = (
  batch: Batch,
  /** How many keys were loaded in one go. */
  loaded: number,
  drafts: readonly Draft[],
  heard: NonNullable<CommitOptions['heard']>,
) => Promise<void>;

interface Part {
  readonly from: number;
  readonly heard: NonNullable<CommitOptions['heard']>;
}
interface Gathering {
  readonly batch: Batch;
  readonly drafts: Draft[];
  /** By position of the drafts. */
  readonly parts: Part[];
  /** The clock's `elapsed`. */
  readonly since: number;
  readonly done: Promise<void>;
  send(): void;
}

/** In a turn that lasts long, others do not wait for its end. */
const longestMs = 2;

/**
 * What was loaded under leases that were taken together, and came within one turn of the event loop, is one command: its
 * loads began and ended together, so what is known of one holds for all.
 */
export function createCommit(store: Pick<Store, 'commit'>, clock: Clock): Commit {
  const open = new Map<string, Gathering>();

  const write = async ({ batch, drafts, parts }: Gathering): Promise<void> => {
    await store.commit(batch, drafts, {
      heard(position, result) {
        const { from, heard } = parts[position]!;
        heard(position - from, result);
      },
    });
  };

  const begin = (name: string, batch: Batch): Gathering => {
    let settle!: (written: Promise<void>) => void;
    const done = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const made: Gathering = {
      batch,
      drafts: [],
      parts: [],
      since: clock.elapsed(),
      done,
      send() {
        if (open.get(name) !== made) return;
        open.delete(name);
        settle(write(made));
      },
    };
    open.set(name, made);
    void nextTurn().then(made.send);
    return made;
  };

  return (batch, loaded, drafts, heard) => {
    const name = `${batch.token} ${batch.filledBy} ${batch.seq} ${loaded}`;
    const gathering = open.get(name) ?? begin(name, batch);
    const part = { from: gathering.drafts.length, heard };
    for (const draft of drafts) {
      gathering.drafts.push(draft);
      gathering.parts.push(part);
    }
    if (clock.elapsed() - gathering.since >= longestMs) gathering.send();
    return gathering.done;
  };
}
