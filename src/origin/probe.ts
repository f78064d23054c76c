import { type Clock, deadline } from '../clock.ts';
import type { OriginDef } from '../define.ts';
import { secondMs } from '../duration.ts';
import { saturated } from './pace.ts';

const everyMs = secondMs;

/** Asks an origin's probe now and then, and answers whether it said 'saturated' last. */
export function createProbe(origin: OriginDef, clock: Clock): () => Promise<boolean> {
  const { probe } = origin;
  if (probe === undefined) return async () => false;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isSaturated = false;
  return async () => {
    if (clock.elapsed() - askedAt < everyMs) return isSaturated;
    askedAt = clock.elapsed();
    const limit = deadline(clock, everyMs, () => new Error('the probe did not answer'));
    const silence = new Promise<undefined>((resolve) => {
      limit.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    try {
      const busy = await Promise.race([silence, probe({ signal: limit.signal })]);
      isSaturated = busy !== undefined && busy > saturated;
    } catch {
      isSaturated = false; // a probe that fails says nothing; the loads themselves still tell
    } finally {
      limit.done();
    }
    return isSaturated;
  };
}
