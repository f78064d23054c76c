import type { Clock } from '../clock.ts';

/** Lets at most `most` missing ids be remembered at once by this process, so that nonsense ids do not fill the store. */
export function createNegatives(most: number, clock: Clock): (ttlMs: number) => boolean {
  const ends: number[] = [];
  let first = 0;
  return (ttlMs) => {
    const now = clock.elapsed();
    while (first < ends.length && ends[first]! <= now) first += 1;
    if (first > 1_000) {
      ends.splice(0, first);
      first = 0;
    }
    if (ends.length - first >= most) return false;
    ends.push(now + ttlMs);
    return true;
  };
}
