import { isSamovarError, SamovarError } from '../errors.ts';
import type { Memory } from '../rooms.ts';

/** The sole right to write some entries, until it ends or an invalidation takes it away. */
export interface Lease {
  readonly token: string;
  readonly ms: number;
}

export interface BeginOptions {
  /**
   * 'value': an entry found is answered whole; 'head': its header and tags; 'none': the lease, whatever there
   * is; 'write': as 'none', for a value that is not loaded; 'refresh': as 'head', and a key whose load failed a moment
   * ago is busy.
   */
  readonly want: 'value' | 'head' | 'none' | 'write' | 'refresh';
  /** By position: the beginning of an entry that is of no use to the asker; it counts as absent if it is still there. */
  readonly past?: readonly (Buffer | undefined)[];
  /** The asker waits for keys that are busy: who ends their leases tells it on the bus. @default false */
  readonly waits?: boolean;
}

/**
 * `own` = the lease is yours, `busy` = somebody else's, bytes = there is an entry. `held` = it was changed so lately that a
 * load may read what was before: its value may be answered, and nobody may write it.
 */
export type Begun = 'own' | 'busy' | 'held' | Buffer;

/** What all entries of one commit share. */
export interface Batch {
  readonly cache: string;
  readonly token: string;
  /** Entries of caches that carry tags are checked against the tag clock; others pay nothing for tags. */
  readonly isTagged: boolean;
  /** 'r' read, 'w' warm, 'f' refresh, 's' set. */
  readonly filledBy: 'r' | 'w' | 'f' | 's';
  readonly filledAt: number;
  /** The tag clock before the load; 0 for caches without tags. */
  readonly seq: number;
  /** 0 when no plan asked for it. */
  readonly plan: number;
  readonly loadMs: number;
}

/** One entry to write. */
export interface Draft {
  readonly key: string;
  /** The value as it is stored; undefined = the origin has no such id. */
  readonly body: string | Buffer | undefined;
  /** What the body is: `flags` of entry.ts. */
  readonly flags: number;
  /** Length of the body. */
  readonly bytes: number;
  /** The tags as a JSON list, '' for none. */
  readonly tags: string;
  readonly ttlMs: number;
  /** How long after its ttl it may still be served while a newer value is on its way. */
  readonly graceMs: number;
  /** Its row within the plan. */
  readonly row: number;
}

/** An entry that is to live longer. */
export interface Touch {
  readonly key: string;
  /** Its beginning. */
  readonly past: Buffer;
  readonly at: number;
  readonly ttlMs: number;
  readonly graceMs: number;
  /** Its value was found to be current: it counts as filled then, by a refresh, with this plan and row. @default nobody asked */
  readonly renewed?: { readonly plan: number; readonly row: number };
}

/** How a commit is cut into pieces, and when they go. */
export interface Pace {
  /** Bytes of entries in one piece. */
  readonly pieceBytes: number;
  /**
   * Lets a piece go when it sees fit. A piece answers with the server's time when it was carried out, so that what it
   * waited for there can be told from what its answer waited for here.
   */
  run(send: () => Promise<{ readonly servedAt: number }>): Promise<unknown>;
}

export interface CommitOptions {
  readonly pace?: Pace;
  /**
   * Told what became of a draft, by position, as soon as the server's answer is here and before any later answer is
   * heard: what was written then is deleted or overtaken by others long before the whole commit ends.
   */
  readonly heard?: (position: number, result: 'written' | 'lost') => void;
}

/** What became of a draft: `lost` = deleted, overtaken or invalidated by tag while it was loaded; `full` = no room. */
export type Committed = 'written' | 'lost' | 'full';

export const storeFull = (cause?: unknown): SamovarError =>
  new SamovarError('E_STORE_FULL', 'the cache Redis has no room for more', {
    hints: ['raise maxmemory, warm fewer keys, or let it evict: maxmemory-policy volatile-lfu'],
    cause,
  });

/** What a store throws that is away, or has no room. */
export const isStoreError = (error: unknown): error is Error & { code: string } =>
  isSamovarError(error) && (error.code === 'E_STORE_UNAVAILABLE' || error.code === 'E_STORE_FULL');

/**
 * A read of a key, the same for all who ask for it before it leaves: what one is answered is true for all. What is found is
 * told for many at once, so that a read has no promise of its own here.
 */
export interface Asked {
  readonly found: Promise<readonly (Buffer | undefined)[]>;
  /** Where its entry is in what is found. */
  readonly place: number;
  /** What its askers have in common: theirs alone. */
  share: unknown;
}

/** Most keys in one command: few, so that readers of the same server hardly wait. */
export const mostKeys = 256;

/**
 * Where entries and leases live. Every method throws E_STORE_UNAVAILABLE when the server is away, `begin` E_STORE_FULL
 * when it has no room; results are by position of the keys.
 */
export interface Store {
  /** Reads of one tick leave as one command (of a turn, while others are on their way), those of one key as one read. */
  get(cache: string, key: string): Asked;
  getMany(cache: string, keys: readonly string[]): Promise<(Buffer | undefined)[]>;
  /** Header and tags of entries, without their values. */
  heads(cache: string, keys: readonly string[]): Promise<(Buffer | undefined)[]>;
  /** Takes the lease of every key that has neither an entry nor a lease. */
  begin(cache: string, keys: readonly string[], lease: Lease, options: BeginOptions): Promise<Begun[]>;
  /** Writes the entries whose lease still carries the token, and gives the leases back. */
  commit(batch: Batch, drafts: readonly Draft[], options?: CommitOptions): Promise<Committed[]>;
  /**
   * Gives leases back without writing; answers which of them were still held. With `restMs` no refresh gets them before
   * that time is over: their loads failed, and readers have an older value meanwhile.
   */
  abort(cache: string, keys: readonly string[], token: string, restMs?: number): Promise<boolean[]>;
  /** Writes entries whatever leases there are, and removes those: loads under way will not be written over them. */
  set(batch: Omit<Batch, 'token'>, drafts: readonly Draft[]): Promise<void>;
  /** Makes entries stale that may be served so, removes the others, and all leases. */
  expire(cache: string, keys: readonly string[]): Promise<void>;
  /** Lets entries that are still the same (by their beginning) live `ttlMs` and `graceMs` from `at` on. */
  touch(cache: string, touches: readonly Touch[]): Promise<void>;
  /** Removes entries and leases together. */
  delete(cache: string, keys: readonly string[]): Promise<void>;
  /** Makes all entries and leases of a cache void, however many there are. */
  clear(cache: string): Promise<void>;
  memory(): Promise<Memory>;
}
