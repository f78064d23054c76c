import { filledAtOf, freshUntilOf, loadMsOf } from '../store/entry.ts';

/** Entries younger than this share of their ttl are left alone. */
const youngShare = 0.1;
/** Beyond so many load times before the end the chance is nil: e to the minus that. */
const farLoads = 20;
/** A fresh entry that should have ended so long ago was written by another clock: it tells nothing about its end. */
const otherClockMs = 1_000;

/**
 * Whether a reader of a fresh entry should have it loaded again now: the nearer the end of its freshness, in units of
 * the time its load takes, the likelier. `chance` gives numbers from 0 up to 1.
 */
export function isDueEarly(
  entry: Buffer,
  options: { readonly now: number; readonly loadMs: number; readonly beta: number; chance(): number },
): boolean {
  const { now, beta, chance } = options;
  const freshUntil = freshUntilOf(entry);
  const unitMs = Math.max(loadMsOf(entry), options.loadMs) * beta;
  const leftMs = freshUntil - now;
  if (leftMs > farLoads * unitMs || leftMs < -otherClockMs) return false;
  const filledAt = filledAtOf(entry);
  if (now - filledAt < youngShare * (freshUntil - filledAt)) return false;
  return leftMs <= -unitMs * Math.log(1 - chance());
}
