import { cautiousShare, isUnpredictable } from '../confidence.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '../duration.ts';
import type { Rise, RiseInput, RiseSlot, WarmTime } from '../rooms.ts';

/** Slots of an origin begin this far apart at least. */
export const stepMs = 5 * minuteMs;
/** A group is loaded within this time before its rise, or within half of its ttl: what is loaded must still be fresh then. */
const longestLeadMs = hourMs;
/** Of the origin's budget; the rest is for what else is loaded in the background. */
const budgetShare = 0.8;
/** Fewer keys are not worth a slot of their own. */
const leastPerSlot = 200;
/** A group that is read less in its first hour is noise. */
const leastReads = 1;

interface Group {
  readonly input: RiseInput;
  readonly rise: Rise;
  readonly by: number;
  readonly leadMs: number;
  /** Keys that are to be warm, before the budget is asked. */
  readonly wanted: number;
}

/**
 * Pure: for each group of keys that rises within a day from now, the instant by which it is to be warm and the slots before it in
 * which it is loaded. Slots of all groups of an origin share its budget; each group takes those that others use least,
 * so that loads are spread. What finds no room is left out, and told.
 */
export function proposeTimes(inputs: readonly RiseInput[], now: number): WarmTime[] {
  const groups = inputs
    .flatMap((input) => input.rises.map((rise) => toGroup(input, rise, now)))
    .filter(({ wanted }) => wanted > 0)
    // Who has the least choice chooses first; of equals, who is read most.
    .sort(
      (a, b) =>
        a.leadMs - b.leadMs ||
        b.rise.readsPerHour - a.rise.readsPerHour ||
        a.by - b.by ||
        (a.input.cache < b.input.cache ? -1 : 1),
    );
  /** By origin: share of each step's budget that is taken. */
  const taken = new Map<string, Map<number, number>>();
  return groups
    .map((group): WarmTime => {
      const { origin } = group.input;
      const busy = taken.get(origin) ?? new Map<number, number>();
      taken.set(origin, busy);
      const slots = place(group, busy, now);
      const keys = slots.reduce((sum, slot) => sum + slot.keys, 0);
      const { cache } = group.input;
      const { readsPerHour } = group.rise;
      return { cache, by: group.by, readsPerHour, keys, left: group.wanted - keys, slots };
    })
    .sort((a, b) => a.by - b.by || (a.cache < b.cache ? -1 : 1));
}

function toGroup(input: RiseInput, rise: Rise, now: number): Group {
  const today = Math.floor(now / dayMs) * dayMs + rise.hour * hourMs;
  const most = Math.min(rise.keys, input.top);
  const isNoise = rise.readsPerHour < leastReads;
  return {
    input,
    rise,
    by: today > now ? today : today + dayMs,
    leadMs: Math.max(minuteMs, Math.min(longestLeadMs, Math.floor(input.ttlMs / 2 / minuteMs) * minuteMs)),
    wanted: isNoise ? 0 : isUnpredictable(input.confidence) ? Math.floor(most * cautiousShare) : most,
  };
}

/** A step in which a group may load: from its beginning, or later where the lead is shorter. */
interface Step {
  readonly begins: number;
  readonly at: number;
  /** Keys that fit if nobody else loads in it. */
  readonly room: number;
}

function place(group: Group, busy: Map<number, number>, now: number): RiseSlot[] {
  const usable = stepsOf(group, now).filter(({ room }) => room >= 1);
  const free = ({ begins, room }: Step) => room * (1 - (busy.get(begins) ?? 0));
  const most = Math.max(1, Math.ceil(group.wanted / leastPerSlot));
  let left = group.wanted;
  /** The emptiest steps, the last ones of equals; more than would do only where those are full. */
  const byRoom = [...usable].sort((a, b) => free(b) - free(a) || b.at - a.at);
  let used = most;
  while (used < byRoom.length && sumOf(byRoom.slice(0, used), free) < left) used += 1;
  const chosen = byRoom.slice(0, used);
  const slots: RiseSlot[] = [];
  // The fullest first: what it cannot take is shared out among the emptier ones.
  for (const [i, step] of chosen.toReversed().entries()) {
    const fair = Math.ceil(left / (chosen.length - i));
    const keys = Math.min(left, fair, Math.floor(free(step)));
    if (keys < 1) continue;
    left -= keys;
    busy.set(step.begins, (busy.get(step.begins) ?? 0) + keys / step.room);
    slots.push({ at: step.at, keys });
  }
  return slots.sort((a, b) => a.at - b.at);
}

function stepsOf({ input, rise, by, leadMs }: Group, now: number): Step[] {
  const { perSecond, concurrency } = input;
  const perMs = (perSecond ?? (concurrency * secondMs) / Math.max(1, rise.costMs)) / secondMs;
  const steps: Step[] = [];
  for (let begins = by - Math.ceil(leadMs / stepMs) * stepMs; begins < by; begins += stepMs) {
    const at = Math.max(begins, by - leadMs, Math.floor(now / minuteMs) * minuteMs);
    if (at >= begins + stepMs) continue;
    steps.push({ begins, at, room: Math.floor(perMs * budgetShare * (begins + stepMs - at)) });
  }
  return steps;
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);
