import { cautiousShare, isUnpredictable } from '../confidence.ts';
import { secondMs } from '../duration.ts';
import type { Decision, Plan, PlanInput, PlanRow } from '../rooms.ts';
import {
  mostInTime,
  reasonCautious,
  reasonCut,
  reasonIdle,
  reasonToWarm,
  reasonUnkept,
  reasonUnread,
} from './reasons.ts';
import { uncoveredMs, type Weighed, weigh } from './weigh.ts';

/** An entry that stays fresh for this share of the time ahead needs no warming now. */
const freshShare = 0.5;
/** Rows kept of what was left out. */
const mostLeft = 1_000;

/**
 * Pure: everything that is wished for, ranked by what warming it saves, and cut to the budget. A load saves at most one
 * wait, so a key's saving is the chance that it is read while the load serves, times what its load takes; when bytes are
 * what is short, the saving per byte ranks. What does not fit is skipped, and smaller keys after it still get in.
 */
export function buildPlan(input: PlanInput): Plan {
  const { budget } = input;
  const weighed = weigh(input);
  const wanted = weighed.filter((each) => isWanted(each, input));
  const most = Math.max(0, Math.min(Math.floor(budget.keys), mostInTime(budget)));
  const isCautious = isUnpredictable(input.confidence);
  /** What may go by the forecast; what somebody asked for may take the rest. */
  const cautious = isCautious
    ? {
        keys: Math.floor(most * cautiousShare),
        bytes: (budget.bytes ?? Number.POSITIVE_INFINITY) * cautiousShare,
      }
    : undefined;
  const guessed = { keys: 0, bytes: 0 };
  const rows: PlanRow[] = [];
  const left: PlanRow[] = [];
  let bytes = 0;
  let savingMs = 0;
  const leave = (each: Weighed, decision: Decision, reason: () => string) => {
    if (left.length < mostLeft) left.push(toRow(each, decision, reason()));
  };

  for (const each of rank(wanted, most, budget.bytes)) {
    const isFull = rows.length >= most;
    if (!each.isAsked && each.savingMs <= 0) leave(each, 'skip', () => reasonUnread);
    else if (
      !each.isAsked &&
      cautious &&
      (guessed.keys >= cautious.keys || guessed.bytes + each.bytes > cautious.bytes)
    ) {
      leave(each, 'skip', () => reasonCautious(input.confidence!));
    } else if (isFull || (budget.bytes !== undefined && bytes + each.bytes > budget.bytes)) {
      leave(each, 'skip', () => reasonCut(each, isFull, input));
    } else {
      rows.push(toRow(each, 'warm', reasonToWarm(each, input)));
      bytes += each.bytes;
      if (!each.isAsked) {
        guessed.keys += 1;
        guessed.bytes += each.bytes;
      }
      savingMs += each.savingMs;
    }
  }
  let fresh = 0;
  for (const each of weighed) {
    if (isWanted(each, input)) continue;
    const isFresh = each.look.state === 'fresh' && isKept(each);
    if (isFresh) fresh += 1;
    leave(each, isFresh ? 'fresh' : 'skip', () => (isKept(each) ? reasonIdle(each, input) : reasonUnkept));
  }
  return {
    cache: input.cache,
    at: input.at,
    horizonMs: input.horizonMs,
    rows: input.isTight ? rows.reverse() : rows,
    left,
    totals: {
      wished: weighed.length,
      warm: rows.length,
      fresh,
      skipped: weighed.length - rows.length - fresh,
      bytes,
      timeMs: budget.perSecond ? (rows.length / budget.perSecond) * secondMs : 0,
      savingMs,
      isCautious,
      ...(input.confidence === undefined ? {} : { confidence: input.confidence }),
    },
  };
}

/** Missing, or so near its end that it will be; what the origin is known not to have is not asked for again. */
function isWanted(each: Weighed, input: PlanInput): boolean {
  if (!isKept(each) || each.look.state === 'negative') return false;
  if (input.leavesFresh === true && each.look.state === 'fresh') return false;
  const ahead = Math.min(input.horizonMs, input.ttlMs);
  return each.look.state === 'missing' || uncoveredMs(each.look, input) > ahead * freshShare;
}

const isKept = ({ key }: Weighed): boolean => !key.includes('\0');

/** Keys that were asked for first, then by what they save: for each byte where the best of them are too large together. */
function rank(wanted: readonly Weighed[], most: number, mostBytes: number | undefined): Weighed[] {
  const bySaving = sorted(wanted, (each) => each.savingMs);
  if (mostBytes === undefined) return bySaving;
  const bytes = bySaving.slice(0, most).reduce((sum, each) => sum + each.bytes, 0);
  return bytes <= mostBytes ? bySaving : sorted(wanted, (each) => each.savingMs / Math.max(1, each.bytes));
}

/** Best first, of equals the hottest; the rest stays in the order in which it was wished for. */
const sorted = (wanted: readonly Weighed[], worth: (each: Weighed) => number): Weighed[] =>
  [...wanted].sort((a, b) => Number(b.isAsked) - Number(a.isAsked) || worth(b) - worth(a) || b.heat - a.heat);

const toRow = (each: Weighed, decision: Decision, reason: string): PlanRow => ({
  key: each.key,
  source: each.source,
  decision,
  reason,
  heat: each.heat,
  costMs: each.costMs,
  bytes: each.bytes,
  savingMs: each.savingMs,
});
