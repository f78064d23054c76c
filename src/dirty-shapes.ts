/** What the buffer of a cache has seen, in writes. */
export interface DirtyLedger {
  /** Writes that were acknowledged. */
  readonly accepted: number;
  /** Of those: replaced in the buffer by a newer one of the same key before it was flushed. */
  readonly coalesced: number;
  /** Of those: acknowledged by the origin. */
  readonly flushed: number;
  /** Dead letters that were given up by hand, or for which a newer write came. */
  readonly dropped: number;
  /** Dirty now. */
  readonly pending: number;
  /** Dead letters now. */
  readonly dead: number;
  /** accepted − coalesced − flushed − dropped − pending − dead: anything but 0 is a fault, or a hand in Redis. */
  readonly difference: number;
  /** Age of the oldest dirty write, by the buffer's clock; 0 when there is none. */
  readonly lagMs: number;
}

export interface FlushReport {
  /** Rows that the origin has now, and how many of them were news to it. */
  readonly flushed: number;
  readonly applied: number;
  readonly dead: number;
  /** Statements that were sent. */
  readonly statements: number;
  /** Dirty keys that were passed over: another version of Samovar wrote them, and may read them. They stay. */
  readonly unreadable: number;
  /** Why it ended before all was done. */
  readonly stopped?: 'backing-off' | 'paused' | 'aborted' | 'stuck' | 'fenced';
}

/** Why the origin will not take a row. No value is in it. */
export interface Reason {
  /** SQLSTATE, or the code of an error. */
  readonly code: string;
  readonly message: string;
  /** The constraint that was broken, if one was. */
  readonly constraint?: string | undefined;
}

/** A write that the origin refused, kept until somebody decides about it. */
export interface DeadWrite {
  readonly key: string;
  readonly version: number;
  readonly at: number;
  readonly reason: Reason;
}
