import { secondMs } from '../duration.ts';
import type { Look, PlanInput, Wish, WishSource } from '../rooms.ts';

/** What stands for a load's time and a value's size while nothing is known of either. */
const unknownCostMs = 10;
const unknownBytes = 1_024;

/** A key that is wished for, with what warming it would cost and save. */
export interface Weighed {
  readonly key: string;
  readonly source: WishSource;
  readonly look: Look;
  /** Expected accesses per second; 0 when nothing is known of it. */
  readonly heat: number;
  readonly costMs: number;
  readonly bytes: number;
  /** Waiting that one load is expected to save. */
  readonly savingMs: number;
  /** Named by someone, rather than forecast: comes first. */
  readonly isAsked: boolean;
}

interface Merged {
  readonly key: string;
  readonly look: Look;
  source: WishSource;
  heat: number;
  costMs: number | undefined;
  bytes: number | undefined;
}

/** Each key once, as it was first wished for; of several wishes for it the hottest counts. */
export function weigh(input: PlanInput): Weighed[] {
  const merged = merge(input);
  const costMs = median(merged.map((each) => each.costMs)) ?? unknownCostMs;
  const bytes = median(merged.map((each) => each.bytes)) ?? unknownBytes;
  return merged.map((each) => {
    const cost = each.costMs ?? costMs;
    const { key, source, look, heat } = each;
    return {
      key,
      source,
      look,
      heat,
      costMs: cost,
      bytes: each.bytes ?? bytes,
      savingMs: chanceOfRead(heat, uncoveredMs(look, input)) * cost,
      isAsked: source !== 'forecast',
    };
  });
}

/** How long a load now would serve that what is stored does not. */
export function uncoveredMs(look: Look, { at, horizonMs, ttlMs }: PlanInput): number {
  const until = Math.min(horizonMs, ttlMs);
  return look.state === 'fresh' ? Math.min(until, Math.max(0, at + until - look.freshUntil)) : until;
}

/** Of one read at least within so long, at a rate of so many a second. */
export const chanceOfRead = (heat: number, withinMs: number): number =>
  1 - Math.exp((-heat * withinMs) / secondMs);

function merge({ wishes, looks }: PlanInput): Merged[] {
  const byKey = new Map<string, Merged>();
  wishes.forEach((wish, i) => {
    const known = byKey.get(wish.key);
    if (known === undefined) byKey.set(wish.key, fromWish(wish, looks[i]!));
    else add(known, wish);
  });
  return [...byKey.values()];
}

const fromWish = ({ key, source, heat, costMs, bytes }: Wish, look: Look): Merged => ({
  key,
  look,
  source,
  heat: sound(heat) ?? 0,
  costMs: sound(costMs),
  bytes: sound(bytes),
});

function add(known: Merged, wish: Wish): void {
  const [heat, costMs, bytes] = [sound(wish.heat) ?? 0, sound(wish.costMs), sound(wish.bytes)];
  const isHotter = heat > known.heat;
  known.heat = Math.max(known.heat, heat);
  known.costMs = isHotter ? (costMs ?? known.costMs) : (known.costMs ?? costMs);
  known.bytes = isHotter ? (bytes ?? known.bytes) : (known.bytes ?? bytes);
  if (known.source === 'forecast') known.source = wish.source;
}

/** What a size, a time or a rate can be; anything else is not known. */
const sound = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) && value >= 0 ? value : undefined;

/** Of those that are known. */
function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = Float64Array.from(values.filter((value) => value !== undefined)).sort();
  return sorted[sorted.length >> 1];
}
