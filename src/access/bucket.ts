import { hourMs } from '../duration.ts';
import type { Fill } from '../rooms.ts';

/** The epoch hour of an instant. */
export const bucketOf = (at: number): number => Math.floor(at / hourMs);
/** The epoch day of a bucket. */
export const dayOf = (bucket: number): number => Math.floor(bucket / 24);

/** Nothing before the year 2000 is taken for an access. */
export const oldestAt = Date.UTC(2000, 0, 1);

/** What one recorder tells of one hour; the same `from` and `seq` never count twice. */
export interface AccessMessage {
  /** Names the recorder for as long as it lives. */
  readonly from: string;
  /** How many messages it had made by then. */
  readonly seq: number;
  readonly bucket: number;
  /** Accesses it had to drop. */
  readonly dropped: number;
  readonly caches: readonly CacheMessage[];
}

/** Parts are tuples, to keep the text short. */
export interface CacheMessage {
  readonly cache: string;
  readonly counts: readonly (readonly [key: string, accesses: number, misses: number])[];
  readonly callers: readonly (readonly [caller: string, accesses: number, misses: number])[];
  readonly used: readonly (readonly [plan: number, row: number])[];
  readonly fills: readonly Fill[];
}

/** Where messages go. Rejects when the log did not take the message, or may not have. */
export interface AppendLog {
  /** `lost`: accesses that others had put there and that made room for this message. */
  append(message: AccessMessage): Promise<{ lost: number }>;
}

/** Accesses of all callers that a message tells of. */
export function accessesOf(message: AccessMessage): number {
  let sum = 0;
  for (const cache of message.caches) for (const [, accesses] of cache.callers) sum += accesses;
  return sum;
}
