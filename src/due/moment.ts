import { hash32 } from '../key.ts';
import type { RefreshAhead } from '../refresh-ahead.ts';

/** How long what is due is put off at most, as a share of the time it has left: so that what was filled together is not due together. */
const spread = 1 / 2;
/** A slot is this share of the usual time between due and ended; what is asked for, at most the second. */
const slotShare = 1 / 16;
const longestSlotShare = 1 / 4;
const shortestSlotMs = 100;

/** When the entry of a key is due: between `at` of its ttl and the middle of the rest, the same place for a key in every process. */
export function dueAt(
  key: string,
  filledAt: number,
  ttlMs: number,
  { at }: Pick<RefreshAhead, 'at'>,
): number {
  // A hash of its own: others decide on its partition and on the jitter of its ttl.
  const share = hash32(`${key}!`) / 2 ** 32;
  return filledAt + ttlMs * (at + (1 - at) * spread * share);
}

/** What is due within so many ms of each other stands in one list. */
export function slotMsOf(
  usualTtlMs: number,
  { at, gatherMs }: Pick<RefreshAhead, 'at' | 'gatherMs'>,
): number {
  const restMs = usualTtlMs * (1 - at);
  const ms = gatherMs === undefined ? restMs * slotShare : Math.min(gatherMs, restMs * longestSlotShare);
  return Math.max(shortestSlotMs, Math.round(ms));
}
