import type { Clock } from '../clock.ts';
import { filledAtOf, freshUntilOf } from '../store/entry.ts';
import { type Reader, Unfit } from './form.ts';
import type { Judgement } from './judge.ts';

/** What an entry gave: its value, or why it is of no use. */
export type Found = { readonly value: unknown } | Judgement | 'schema';

/** The value of an entry, or why it has none: at once, unless the value takes its time to be read. */
export function openEntry(reader: Reader, bytes: Buffer): Found | Promise<Found> {
  try {
    const value = reader.fromEntry(bytes);
    return value instanceof Promise
      ? value.then((read: unknown): Found => ({ value: read }), unfit)
      : { value };
  } catch (error) {
    return unfit(error);
  }
}

const unfit = (error: unknown): Found => {
  if (error instanceof Unfit) return error.why;
  throw error;
};

/** Whether a reader takes an entry that was judged so; `maxStaleMs` undefined = however stale. */
export function isUsable(
  bytes: Buffer,
  judged: Judgement,
  maxStaleMs: number | undefined,
  clock: Clock,
): boolean {
  if (judged !== 'stale' || maxStaleMs === undefined) return judged === 'alive' || judged === 'stale';
  const now = clock.now();
  const freshUntil = freshUntilOf(bytes);
  // What was expired by hand, or by a tag, may have been wrong ever since it was filled.
  const since = freshUntil > 0 && freshUntil <= now ? freshUntil : filledAtOf(bytes);
  return now - since < maxStaleMs;
}
