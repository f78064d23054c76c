/** A dirty row as a writer sees it. */
export interface TargetRow {
  readonly partition: number;
  readonly key: string;
  readonly version: number;
  readonly id: unknown;
  /** Undefined = the id is to be deleted. */
  readonly value: unknown;
  /** The JSON of the value, where it was kept as such. */
  readonly json: string | Buffer | undefined;
}

/** Since when a partition is the flusher's: what an older grant writes is refused. */
export type Epochs = ReadonlyMap<number, number>;

export interface TargetBatch {
  readonly rows: readonly TargetRow[];
  /** Undefined = one write of an application, which no flusher is asked about. */
  readonly epochs: Epochs | undefined;
  readonly signal: AbortSignal;
}

export interface TargetResult {
  /** Those whose partition was still the flusher's; nothing was written of others. */
  readonly held: readonly TargetRow[];
  /** Rows that were newer than what was there. */
  readonly applied: number;
  /** Rows of which there was a later version than theirs. @default not known */
  readonly newer?: number;
}

/** Where the dirty writes of one cache go. */
export interface Target {
  /** All of it, or an error and nothing. */
  write(batch: TargetBatch): Promise<TargetResult>;
  /** What was learnt of the table may no longer be true. */
  forget(): void;
}

/** The right to flush, kept where the rows are. */
export interface Grants {
  /** Grants partitions anew: every older epoch is over. Answers with the new ones and the highest version that came. */
  grant(
    cache: string,
    holder: string,
    partitions: readonly number[],
  ): Promise<ReadonlyMap<number, { readonly epoch: number; readonly high: number }>>;
}

/** Places at which tests stop, kill or hold a flusher. */
export type Point =
  | 'after-lease'
  | 'before-epoch'
  | 'after-claim'
  | 'sql-sent'
  | 'after-commit'
  | 'before-ack'
  | 'mid-bisect';

export type Reached = (point: Point) => void | Promise<void>;
