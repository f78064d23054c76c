import { secondMs } from '../duration.ts';
import { type RefreshOutcome, readAtLeast, removedAt, simulateRefresh, worthAbove } from './refresh-ahead.ts';
import type { Traffic } from './traffic.ts';

const thresholds = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8];
const atExtraLoads = [0.1, 0.2, 0.3];

/** What loading anew an entry that is due would have done, at one ttl. */
export interface Refreshed {
  readonly ttlSeconds: number;
  /** Misses without it, and those of them that an expiry made. */
  readonly misses: number;
  readonly expiryMisses: number;
  /** By policy: `worth-0.7` refreshes where a read before the next expiry is likelier than that, `read-twice` where it was read twice. */
  readonly policies: Readonly<Record<string, RefreshOutcome & { readonly wasted: number }>>;
  /** Share of the expiry misses that `worth` removes at 10, 20 and 30 % more loads. */
  readonly removedAt: readonly { readonly extraLoads: number; readonly removed: number }[];
}

/** Tells after each ttl what share of them is done. */
export function* refreshAhead(
  traffic: Traffic,
  ttlsSeconds: readonly number[],
): Generator<number, Refreshed[]> {
  const all: Refreshed[] = [];
  for (const [i, ttlSeconds] of ttlsSeconds.entries()) {
    yield i / ttlsSeconds.length;
    const outcomes = simulateRefresh(
      traffic,
      { ttlMs: ttlSeconds * secondMs },
      {
        ...Object.fromEntries(thresholds.map((threshold) => [`worth-${threshold}`, worthAbove(threshold)])),
        'read-twice': readAtLeast(2),
      },
    );
    const worth = thresholds.map((threshold) => outcomes[`worth-${threshold}`]!);
    const [{ expiryMisses }] = worth as [RefreshOutcome];
    all.push({
      ttlSeconds,
      misses: worth[0]!.misses + Math.round(worth[0]!.removed * expiryMisses),
      expiryMisses,
      policies: Object.fromEntries(
        Object.entries(outcomes).map(([policy, outcome]) => [policy, { ...outcome, wasted: outcome.unread }]),
      ),
      removedAt: atExtraLoads.map((extraLoads) => ({ extraLoads, removed: removedAt(worth, extraLoads) })),
    });
  }
  return all;
}
