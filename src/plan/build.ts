import { hourMs, humanDuration, secondMs } from '../duration.ts';
import type { Look, Plan, PlanInput, PlanRow, Wish } from '../rooms.ts';

/** What stands for a load's time and a value's size while nothing is known of either. */
const unknownCostMs = 10;
const unknownBytes = 1_024;
/** An entry that stays fresh for this share of the horizon needs no warming now. */
const freshShare = 0.5;
/** Rows kept of what was left out. */
const mostLeft = 1_000;

interface Weighed {
  readonly wish: Wish;
  readonly look: Look;
  readonly costMs: number;
  readonly bytes: number;
  readonly savingMs: number;
  /** Named by someone, rather than forecast: comes first. */
  readonly isAsked: boolean;
}

/**
 * Pure: everything that is wished for, ranked by what warming it saves, and cut to the budget. A load saves at most one
 * wait, so a key's saving is the chance that it is read within the horizon times what its load takes; when bytes are
 * what is short, the saving per byte ranks. What does not fit is skipped, and smaller keys after it still get in.
 */
export function buildPlan(input: PlanInput): Plan {
  const { at, horizonMs, ttlMs, budget } = input;
  const weighed = weigh(input);
  const isUseful = ({ look }: Weighed) =>
    look.state === 'missing' ||
    (look.state === 'fresh' && look.freshUntil < at + Math.min(horizonMs, ttlMs) * freshShare);
  const wanted = weighed.filter(isUseful);
  const bytesWanted = wanted.reduce((sum, each) => sum + each.bytes, 0);
  const worth =
    budget.bytes !== undefined && bytesWanted > budget.bytes ? perByte : (each: Weighed) => each.savingMs;
  const ranked = wanted.sort(
    (a, b) => Number(b.isAsked) - Number(a.isAsked) || worth(b) - worth(a) || byKey(a, b),
  );

  const mostKeys = Math.min(budget.keys, keysInTime(budget));
  const rows: PlanRow[] = [];
  const left: PlanRow[] = [];
  let bytes = 0;
  let savingMs = 0;
  let skipped = 0;
  for (const each of ranked) {
    const isFull = rows.length >= mostKeys;
    const fits = budget.bytes === undefined || bytes + each.bytes <= budget.bytes;
    if (!isFull && fits && (each.isAsked || each.savingMs > 0)) {
      rows.push(toRow(each, 'warm', reasonToWarm(each, input)));
      bytes += each.bytes;
      savingMs += each.savingMs;
      continue;
    }
    skipped += 1;
    if (left.length < mostLeft) left.push(toRow(each, 'skip', reasonToSkip(each, isFull, fits, input)));
  }
  const idle = weighed.filter((each) => !isUseful(each));
  for (const each of idle.slice(0, mostLeft - left.length)) {
    left.push(
      each.look.state === 'fresh'
        ? toRow(each, 'fresh', `fresh for another ${humanDuration(each.look.freshUntil - at)}`)
        : toRow(each, 'skip', 'the origin has no such id'),
    );
  }
  const fresh = idle.filter((each) => each.look.state === 'fresh').length;
  return {
    cache: input.cache,
    at,
    horizonMs,
    rows: input.isTight ? rows.reverse() : rows,
    left,
    totals: {
      wished: weighed.length,
      warm: rows.length,
      fresh,
      skipped: skipped + idle.length - fresh,
      bytes,
      timeMs: budget.perSecond ? (rows.length / budget.perSecond) * secondMs : 0,
      savingMs,
    },
  };
}

/** Each key once, with what its warming would cost and save. */
function weigh({ wishes, looks, horizonMs }: PlanInput): Weighed[] {
  const costMs = median(wishes.flatMap((wish) => wish.costMs ?? [])) ?? unknownCostMs;
  const bytes = median(wishes.flatMap((wish) => wish.bytes ?? [])) ?? unknownBytes;
  const byText = new Map<string, Weighed>();
  wishes.forEach((wish, i) => {
    const known = byText.get(wish.key);
    const heat = Math.max(wish.heat ?? 0, known?.wish.heat ?? 0);
    const cost = wish.costMs ?? known?.wish.costMs ?? costMs;
    const hottest = known && (known.wish.heat ?? 0) >= (wish.heat ?? 0) ? known.wish : wish;
    const asked = [known?.wish, wish].find((each) => each && each.source !== 'forecast');
    byText.set(wish.key, {
      wish: { ...hottest, heat, source: asked?.source ?? 'forecast' },
      look: looks[i]!,
      costMs: cost,
      bytes: wish.bytes ?? known?.wish.bytes ?? bytes,
      savingMs: (1 - Math.exp((-heat * horizonMs) / secondMs)) * cost,
      isAsked: asked !== undefined,
    });
  });
  return [...byText.values()];
}

const perByte = (each: Weighed): number => each.savingMs / Math.max(1, each.bytes);
const byKey = (a: Weighed, b: Weighed): number => (a.wish.key < b.wish.key ? -1 : 1);

function keysInTime({ perSecond, timeMs }: PlanInput['budget']): number {
  if (perSecond === undefined || timeMs === undefined) return Number.POSITIVE_INFINITY;
  return Math.floor((perSecond * timeMs) / secondMs);
}

const toRow = (each: Weighed, decision: PlanRow['decision'], reason: string): PlanRow => ({
  key: each.wish.key,
  source: each.wish.source,
  decision,
  reason,
  heat: each.wish.heat ?? 0,
  costMs: each.costMs,
  bytes: each.bytes,
  savingMs: each.savingMs,
});

const asked = {
  list: 'on the list',
  sql: 'named by SQL',
  function: 'named by a function',
  tag: 'carries a tag',
} as const;

function reasonToWarm({ wish, look, savingMs }: Weighed, { at, horizonMs }: PlanInput): string {
  const parts: string[] = [];
  if (wish.source !== 'forecast') parts.push(asked[wish.source]);
  if ((wish.heat ?? 0) > 0) parts.push(`expected ${perHour(wish.heat!)}/h`);
  parts.push(
    look.state === 'missing' ? 'missing' : `expires in ${humanDuration(Math.max(0, look.freshUntil - at))}`,
  );
  if (savingMs > 0) parts.push(`saves ${humanDuration(savingMs)} in ${humanDuration(horizonMs)}`);
  return parts.join(', ');
}

function reasonToSkip(each: Weighed, isFull: boolean, fits: boolean, { budget }: PlanInput): string {
  if (!each.isAsked && each.savingMs <= 0) return 'nobody is expected to read it';
  if (isFull) {
    return budget.keys <= keysInTime(budget)
      ? `below the cut of ${budget.keys} keys`
      : `no time left: ${budget.perSecond}/s for ${humanDuration(budget.timeMs!)}`;
  }
  return fits ? 'not worth its load' : `does not fit: ${Math.round(each.bytes)} bytes`;
}

function perHour(heat: number): string {
  const hourly = (heat * hourMs) / secondMs;
  return hourly >= 10 ? Math.round(hourly).toLocaleString('en') : hourly.toFixed(hourly >= 1 ? 1 : 2);
}

function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
