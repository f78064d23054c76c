import { type Clock, nextTurn } from '../clock.ts';
import type { Batch, CommitOptions, Draft, Store } from '../store/store.ts';

/** One load's entries on their way to the store; rejects as the store does. */
export type Commit = (
  batch: Batch,
  /** How many keys were loaded in one go. */
  loaded: number,
  drafts: readonly Draft[],
  told: Told,
) => Promise<void>;

interface Told {
  readonly heard: NonNullable<CommitOptions['heard']>;
  /** Called when the command is under way. */
  sent(): void;
}
interface Part extends Told {
  readonly from: number;
}
interface Gathering {
  readonly batch: Batch;
  readonly drafts: Draft[];
  /** One for each load. */
  readonly parts: Part[];
  /** By position of the drafts. */
  readonly partOf: Part[];
  /** The clock's `elapsed`. */
  readonly since: number;
  readonly done: Promise<void>;
  send(): void;
}

/** In a turn that lasts long, nobody waits for its end. */
const longestMs = 5;

/**
 * What was loaded under leases that were taken together, and came within one turn of the event loop, is one command: its
 * loads began and ended together, so what is known of one holds for all.
 */
export function createCommit(store: Pick<Store, 'commit'>, clock: Clock): Commit {
  const open = new Map<string, Gathering>();

  const write = async ({ batch, drafts, partOf }: Gathering): Promise<void> => {
    await store.commit(batch, drafts, {
      heard(position, result) {
        const { from, heard } = partOf[position]!;
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
      partOf: [],
      since: clock.elapsed(),
      done,
      send() {
        if (open.get(name) !== made) return;
        open.delete(name);
        settle(write(made));
        for (const { sent } of made.parts) sent();
      },
    };
    open.set(name, made);
    void nextTurn().then(made.send);
    return made;
  };

  return (batch, loaded, drafts, told) => {
    const name = `${batch.token} ${batch.filledBy} ${batch.seq} ${loaded}`;
    const gathering = open.get(name) ?? begin(name, batch);
    const part = { ...told, from: gathering.drafts.length };
    gathering.parts.push(part);
    for (const draft of drafts) {
      gathering.drafts.push(draft);
      gathering.partOf.push(part);
    }
    if (clock.elapsed() - gathering.since >= longestMs) gathering.send();
    return gathering.done;
  };
}
