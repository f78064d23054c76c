import { closeSync, openSync, writeSync } from 'node:fs';
import type { Event } from '../history/event.ts';

type Untimed<E> = E extends Event ? Omit<E, 'at'> : never;

/** µs of the machine's monotonic clock. */
export const monotonic = (): number => Number(process.hrtime.bigint() / 1_000n);

export interface EventLog {
  note(event: Untimed<Event>): void;
  close(): void;
}

/** Writes events down at once: what was noted outlives a kill. */
export function openEventLog(file: string): EventLog {
  const log = openSync(file, 'a');
  return {
    note(event) {
      writeSync(log, `${JSON.stringify({ ...event, at: monotonic() })}\n`);
    },
    close: () => closeSync(log),
  };
}
