import { nextTurn } from '../clock.ts';
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
  readonly done: Promise<void>;
}

/**
 * What was loaded under leases that were taken together, and came within one turn of the event loop, is one command: its
 * loads began and ended together, so what is known of one holds for all.
 */
export function createCommit(store: Pick<Store, 'commit'>): Commit {
  const open = new Map<string, Gathering>();

  const send = async ({ batch, drafts, parts }: Gathering): Promise<void> => {
    await store.commit(batch, drafts, {
      heard(position, result) {
        const { from, heard } = parts[position]!;
        heard(position - from, result);
      },
    });
  };

  const begin = (name: string, batch: Batch): Gathering => {
    const made: Gathering = {
      batch,
      drafts: [],
      parts: [],
      done: nextTurn().then(() => {
        open.delete(name);
        return send(made);
      }),
    };
    open.set(name, made);
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
    return gathering.done;
  };
}
