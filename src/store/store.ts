import type { Memory } from '../rooms.ts';

/** The sole right to write some entries, until it ends or an invalidation takes it away. */
export interface Lease {
  readonly token: string;
  readonly ms: number;
}

/** Whether and how entries of a cache carry tags; caches without tags pay nothing for them. */
export interface BeginOptions {
  readonly isTagged: boolean;
  /** 'value': an entry found is answered whole; 'head': only its header and tags. */
  readonly want: 'value' | 'head';
  /** By position: the beginning of an entry that the asker cannot use; it counts as absent if it is still there. */
  readonly past?: readonly (Buffer | undefined)[];
}

/** By position: `own` = the lease is yours, `busy` = somebody else's, bytes = there is an entry. */
export type Begun = 'own' | 'busy' | Buffer;

export interface BeginResult {
  /** The logical clock before anything was loaded; 0 for caches without tags. */
  readonly seq: number;
  readonly keys: readonly Begun[];
}

/** What all entries of one commit share. */
export interface Batch {
  readonly cache: string;
  readonly token: string;
  readonly isTagged: boolean;
  /** 'r' read, 'w' warm, 'f' refresh. */
  readonly filledBy: 'r' | 'w' | 'f';
  readonly filledAt: number;
  readonly seq: number;
  /** 0 when no plan asked for it. */
  readonly plan: number;
  readonly loadMs: number;
}

/** One entry to write. `text` undefined = the origin has no such id. */
export interface Draft {
  readonly key: string;
  readonly text: string | undefined;
  readonly ttlMs: number;
  readonly tags: readonly string[];
  readonly row: number;
}

/** What became of a draft: `lost` = deleted, overtaken or invalidated by tag while it was loaded. */
export type Committed = 'written' | 'lost';

/**
 * Where entries and leases live. Every method throws E_STORE_UNAVAILABLE when the server is away and E_STORE_FULL when
 * it has no room; results are by position of the keys.
 */
export interface Store {
  /** The bytes of an entry. Reads of one tick leave as one command. */
  get(cache: string, key: string): Promise<Buffer | undefined>;
  getMany(cache: string, keys: readonly string[]): Promise<(Buffer | undefined)[]>;
  /** Header and tags of entries, without their values. */
  heads(cache: string, keys: readonly string[]): Promise<(Buffer | undefined)[]>;
  /** Takes the lease of every key that has neither an entry nor a lease. */
  begin(cache: string, keys: readonly string[], lease: Lease, options: BeginOptions): Promise<BeginResult>;
  /** Writes the entries whose lease still carries the token, and gives the leases back. */
  commit(batch: Batch, drafts: readonly Draft[]): Promise<Committed[]>;
  /** Gives leases back without writing. */
  abort(cache: string, keys: readonly string[], token: string): Promise<void>;
  /** Removes entries and leases together; answers how many entries there were. */
  delete(cache: string, keys: readonly string[]): Promise<number>;
  memory(): Promise<Memory>;
}
