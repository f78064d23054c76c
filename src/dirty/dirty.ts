import type { DeadWrite, DirtyLedger, Reason } from '../dirty-shapes.ts';

/** A value as it is stored: `flags` say what the body is. */
export interface DirtyForm {
  readonly body: string | Buffer;
  readonly flags: number;
}

/** How far the buffer of one cache may fill. */
export interface Marks {
  /** Dirty keys in one partition above which a flush is asked for. */
  readonly soft: number;
  /** Dirty keys in one partition above which keys that are not dirty yet are refused. */
  readonly hard: number;
}

/** One write that the origin is to get later. */
export interface DirtyWrite {
  readonly key: string;
  /** Undefined = the id is to be deleted. */
  readonly form: DirtyForm | undefined;
  /** Names this write, in at most 22 characters. */
  readonly operation: string;
  /** It may have been done already, and then changes nothing; it is remembered for minutes, for it may come again. */
  readonly isRepeated?: boolean | undefined;
  /** Only if nobody has written the key since this word was left there by `watch`. */
  readonly watched?: string | undefined;
}

/** A number that is to be added to the dirty one. */
export interface DirtyAdd {
  readonly key: string;
  readonly by: number;
  /** As that of a write; kept for minutes, so that a repeated addition is none, whatever was written in between. */
  readonly operation: string;
}

/**
 * What became of a write. `ok` is the acknowledgement. `full`: the hard mark is reached, nothing was changed.
 * `overtaken`: the key was written since it was watched, or is not there to be added to; nothing was changed.
 */
export type Written =
  | {
      readonly kind: 'ok';
      readonly version: number;
      readonly isSoft: boolean;
      /** It had been done before. */
      readonly isKnown?: boolean;
      readonly total?: number;
    }
  | { readonly kind: 'full' | 'overtaken' };

/** A dirty key: the newest value that was acknowledged for it. */
export interface DirtyEntry {
  /** Microseconds of the buffer's clock, and never less than the one before: later is newer, within a partition. */
  readonly version: number;
  readonly operation: string;
  /** Undefined = the id is to be deleted. */
  readonly form: DirtyForm | undefined;
}

/** One dirty key on its way to the origin. It stays in the buffer until its version is acknowledged. */
export interface DirtyRow extends Pick<DirtyEntry, 'version' | 'form'> {
  readonly partition: number;
  readonly key: string;
}

export interface Wanted {
  readonly partitions: readonly number[];
  readonly most: number;
  readonly olderThanMs: number;
  /** By partition. @default none */
  readonly skip?: ReadonlyMap<number, number>;
}

export interface Claim {
  readonly rows: readonly DirtyRow[];
  /** The buffer's clock, in µs: what changes later is dirty since then. */
  readonly claimedAt: number;
  /** Whether more may be due than was read. */
  readonly hasMore: boolean;
  /** How many entries of a partition were passed over: another version of this program wrote them, and may read them. They stay. */
  readonly unreadable: ReadonlyMap<number, number>;
  /**
   * The last version that was given, by partition: where it still is, none of these rows has changed. All partitions of a cache
   * have one in common, except on a Cluster.
   */
  readonly seen: ReadonlyMap<number, string>;
}

export type RowName = Pick<DirtyRow, 'partition' | 'key' | 'version'>;

/** A dead write and what it was to write. */
export interface DeadLetter extends DeadWrite {
  readonly form: DirtyForm | undefined;
}

/** What the server of the buffer is like: whether it keeps what it acknowledges. */
export interface BufferFacts {
  /** Undefined = it does not tell. */
  readonly policy: string | undefined;
  readonly appendOnly: boolean | undefined;
  /** always, everysec or no. */
  readonly appendFsync: string | undefined;
  readonly replicas: number | undefined;
  /** It has only a part of the keys: it is a node of a Redis Cluster. */
  readonly isClustered: boolean;
  /** Share of `maxmemory` that is in use. Undefined = there is no limit. */
  readonly fullness?: number | undefined;
  readonly version: string;
}

/**
 * Where writes wait for their origin. A write is acknowledged when it is in the buffer; nothing moves when it is claimed,
 * and it leaves only when its own version is acknowledged. So N writes of a key are one row, in order, and a flusher that
 * dies at any point has nothing to repair.
 *
 * Every method throws E_BUFFER_UNAVAILABLE when the server is surely not asked, or refused for sure; a write whose answer
 * was lost throws E_INDETERMINATE: it may be done or not, and is safe to ask for again under the same `operation`.
 */
export interface Dirty {
  /** Partitions of every cache; those of one cache share nothing, so that they may live on different servers. */
  readonly partitions: number;
  partitionOf(key: string): number;
  /** Throws E_BUFFER when the buffer was made with another number of partitions. Answers with the buffer's own name. */
  open(): Promise<{ readonly id: string }>;

  /** Writes of one tick leave together, up to 32 in one command. */
  write(cache: string, write: DirtyWrite, marks: Marks): Promise<Written>;
  /** Adds to a dirty number, atomically. `overtaken` when the key is not dirty, or no plain number. */
  add(cache: string, add: DirtyAdd): Promise<Written>;
  /**
   * Leaves a word at a key that the next write of anybody takes away. Answers with it, or with the one that was there: all
   * who watch at once share it, and the first to write wins. And with what is dirty of the key.
   */
  watch(
    cache: string,
    key: string,
    word: string,
  ): Promise<{ readonly word: string; readonly entry: DirtyEntry | undefined }>;
  /** A version for a write that goes to the origin at once, newer than all that the buffer gave in its partition. */
  version(cache: string, key: string): Promise<number>;
  /** What is dirty of these keys, by position. Of an entry that another version wrote: a value that no codec reads. */
  read(cache: string, keys: readonly string[]): Promise<(DirtyEntry | undefined)[]>;

  /** Takes the partitions that hold something and that nobody else holds, and keeps those the holder has; answers with all it has. */
  lease(cache: string, holder: string, ms: number): Promise<readonly number[]>;
  release(cache: string, holder: string): Promise<void>;
  /** No version below these is given from now on. */
  raise(cache: string, floors: ReadonlyMap<number, number>): Promise<void>;
  /**
   * The oldest dirty keys of these partitions that became dirty at least `olderThanMs` ago, except for so many of the oldest
   * as `skip` says. Moves nothing. Less than asked for when they are large.
   */
  claim(cache: string, wanted: Wanted): Promise<Claim>;
  /**
   * Lets go of the rows whose version is still the newest; the others stay dirty, since the claim. Answers how many went.
   * Faster with what the claim has seen, where nothing was written since.
   */
  ack(
    cache: string,
    rows: readonly RowName[],
    claimedAt: number,
    seen?: ReadonlyMap<number, string>,
  ): Promise<number>;
  /** Puts rows aside whose version is still the newest. `full`: there is no room, and the row stays dirty. */
  dead(
    cache: string,
    rows: readonly (RowName & { readonly reason: Reason })[],
    most: number,
  ): Promise<('dead' | 'changed' | 'full')[]>;

  letters(cache: string, options: { readonly most: number }): Promise<DeadLetter[]>;
  letter(cache: string, key: string): Promise<DeadLetter | undefined>;
  /** Makes dead letters dirty again, unless a newer write of the key is. All of them where no keys are named. */
  retry(cache: string, keys?: readonly string[]): Promise<number>;
  drop(cache: string, keys?: readonly string[]): Promise<number>;

  ledger(cache: string): Promise<DirtyLedger>;
  facts(): Promise<BufferFacts>;
}
