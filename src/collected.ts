/** Invalidations that wait for a transaction: types only. */

/** Invalidations of a transaction, in order: carried out when the outermost one has committed, forgotten with what is rolled back. */
export interface Collected<What> {
  /** Remembers one. */
  invalidate(what: What): void;
  /** A part that may be rolled back by itself: a savepoint. */
  savepoint(): Collected<What>;
  /** Of a savepoint: they are those of the transaction around it. Else, after COMMIT: they are carried out. */
  commit(): Promise<void>;
  /** They are forgotten. */
  rollback(): void;
}

/** What a transaction needs of a client: that of pg, or one that takes the same. */
export interface TransactionClient {
  // biome-ignore lint/suspicious/noExplicitAny: every driver has its own overloads and results
  query(text: string, values?: any[]): Promise<any>;
  /** Of pg: a client that loses its connection tells so, and ends the process where nobody hears it. */
  on?(event: 'error', listener: (error: Error) => void): unknown;
  off?(event: 'error', listener: (error: Error) => void): unknown;
}
export interface TransactionPool<Client extends TransactionClient = TransactionClient> {
  connect(): Promise<Client & { release(error?: Error | boolean): void }>;
}

/** A transaction under way. */
export interface Transaction<Client, What> {
  /** Where its statements go. */
  readonly client: Client;
  /** Carried out after the outermost COMMIT, and not after a rollback. */
  invalidate(what: What): void;
  /** A part of it that is rolled back by itself when the work throws. */
  savepoint<Result>(work: (inner: Transaction<Client, What>) => Promise<Result>): Promise<Result>;
}
