/** What a history can be guilty of. */
export type ViolationClass =
  /** An acknowledged write is nowhere. */
  | 'lost'
  /** The origin holds another value than the write of that version had. */
  | 'wrong'
  /** The origin holds what nobody wrote, or what was refused. */
  | 'phantom'
  /** An older version took effect after a newer one. */
  | 'resurrected'
  /** One version took effect twice. */
  | 'duplicate'
  /** A write that began after another had been acknowledged got an older version. */
  | 'order'
  /** A reader did not see its own write, or saw time go back. */
  | 'stale-read'
  /** The ledger and the clients disagree. */
  | 'conservation'
  /** Something never came to an end. */
  | 'stuck'
  /** More took effect than was written, or one statement held a key twice. */
  | 'coalescing'
  /** Rows were sent again without a fault to blame. */
  | 'waste'
  /** A flusher wrote under a grant that was over. */
  | 'zombie'
  /** A counter is not the sum of what was added. */
  | 'miscounted';

export interface Violation {
  readonly class: ViolationClass;
  readonly key: string | undefined;
  readonly what: string;
  /** Versions that it is about: of the key's story only these are told. */
  readonly versions?: readonly number[];
  /** When it showed: then all that came shortly before it is told. */
  readonly at?: number;
}
