/**
 * What processes under test note down, one JSON line per event, before they do a thing and after it. Times are µs of the
 * machine's monotonic clock: those of two processes may be compared.
 */
export type Event =
  /** About to write. The value of every write is its own; null deletes. `again`: the same operation as that write was. */
  | { e: 'inv'; at: number; by: string; id: string; key: string; value: string | null; again?: string }
  /** Acknowledged. */
  | { e: 'ok'; at: number; id: string; version: number }
  /** Surely not done. */
  | { e: 'fail'; at: number; id: string; why: string }
  /** Done or not: the answer was lost. */
  | { e: 'info'; at: number; id: string; why: string }
  /** A read that began at `from`. */
  | { e: 'rd'; at: number; from: number; by: string; key: string; value: string | null }
  /** About to add to a counter, and what became of it. */
  | { e: 'add'; at: number; by: string; id: string; key: string; amount: number }
  /** An application was told that the buffer's server is not, or is again, what it must be. */
  | { e: 'alarm'; at: number; by: string; isSafe: boolean }
  /** The process settled all that it began. */
  | { e: 'bye'; at: number; by: string }
  /** A flusher was granted partitions. */
  | { e: 'grant'; at: number; by: string; epochs: readonly (readonly [partition: number, epoch: number])[] }
  /** A flusher is about to send rows: key, version, partition. */
  | {
      e: 'sent';
      at: number;
      by: string;
      batch: string;
      rows: readonly (readonly [key: string, version: number, partition: number])[];
      epochs: readonly (readonly [partition: number, epoch: number])[];
    }
  /** The statement was carried out for these partitions. */
  | { e: 'wrote'; at: number; batch: string; held: readonly number[]; applied: number }
  /** The statement was refused. */
  | { e: 'refused'; at: number; batch: string; code: string }
  /** A fault began. Writes acknowledged after `lostFrom` may be gone with it. */
  | { e: 'fault'; at: number; kind: string; lostFrom?: number };

/** A key's state in the origin, the buffer or among the dead letters. */
export interface State {
  readonly version: number;
  /** Null = deleted. */
  readonly value: string | null;
}

/** What took effect in the target, as its triggers saw it, in order. */
export interface Effect extends State {
  readonly key: string;
}

/** How things were when all faults were over and the buffer had time to drain. */
export interface End {
  readonly rows: ReadonlyMap<string, State>;
  readonly dead: ReadonlyMap<string, State>;
  readonly pending: ReadonlyMap<string, State>;
  readonly effects: readonly Effect[];
  /** Keys that were dirty when that time was over; who flushes at its end may have carried them over since. */
  readonly late: number;
  /** The sums of counters, by key. */
  readonly counters: ReadonlyMap<string, number>;
  readonly ledger: { readonly accepted: number; readonly difference: number } | undefined;
}

/** The events of a process's file; a last line that a kill cut short is left out. */
export function eventsOf(text: string): Event[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Event);
}
