import { forecastFor, type PlanRooms } from './draw.ts';
import type { Writes } from './rooms.ts';

export interface RewarmRequest {
  readonly cache: string;
  readonly at: number;
  /** What was invalidated of it. */
  readonly keys?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly all?: boolean | undefined;
}

/** What became of the keys that were invalidated. */
export interface Rewarmed {
  readonly asked: number;
  /** Hot, and loaded anew. */
  readonly reloaded: number;
  /** Hot or not, somebody has loaded them meanwhile. */
  readonly fresh: number;
  /** Cold: forgotten, or hot and not there any more. */
  readonly dropped: number;
  /** Hot, and beyond budget, time or what the origin could do: they are loaded when they are asked for. */
  readonly left: number;
  /** Of `left`: those that nobody may load to keep yet, because a replica may still hold what was before. */
  readonly heldOff?: number;
}

/** Members of tags that are looked up; what is beyond goes with its grace. */
const mostTagged = 100_000;
const fillMs = 15_000;
const lookAtOnce = 1_000;

/** Brings back what was hot of what was invalidated, hottest first and within the budget; the rest is forgotten. */
export async function rewarm(
  from: PlanRooms,
  to: Pick<Writes, 'cache'>,
  { cache, at, keys = [], tags = [], all = false }: RewarmRequest,
  signal: AbortSignal,
): Promise<Rewarmed> {
  const { top, horizonMs, maxTimeMs } = from.caches.warmOptions(cache);
  const tagged = tags.length > 0 ? await from.plans.tagged(cache, tags, mostTagged) : [];
  const members = new Set([...keys, ...tagged]);
  const { rows } = await forecastFor(from, { cache, at, horizonMs, most: 2 * top });
  const hot = rows
    .map(({ key }) => key)
    .filter((key) => all || members.has(key))
    .slice(0, top);
  const isHot = new Set(hot);
  const cold = [...members].filter((key) => !isHot.has(key));
  const counts = { reloaded: 0, fresh: 0, dropped: 0 };
  let heldOff = 0;

  for (let i = 0; i < cold.length; i += lookAtOnce) {
    signal.throwIfAborted();
    const some = cold.slice(i, i + lookAtOnce);
    const looks = await from.store.look(cache, some);
    const gone = some.filter((_, at) => looks[at]!.state === 'missing');
    const ages = await from.store.ages(cache, gone);
    const stale = gone.filter((_, at) => ages[at] !== undefined);
    if (stale.length > 0) await to.cache.invalidate({ cache, keys: stale, isSure: true });
    counts.dropped += gone.length;
    counts.fresh += some.length - gone.length;
  }

  const asked = hot.length + cold.length;
  let open = hot;
  for (let leftMs = maxTimeMs; open.length > 0 && leftMs > 0; leftMs -= fillMs) {
    signal.throwIfAborted();
    const withinMs = Math.min(fillMs, leftMs);
    const report = await to.cache.fill(cache, { keys: open, reason: 'refresh', signal, withinMs });
    const { results } = report;
    heldOff += report.heldOff ?? 0;
    counts.fresh -= report.heldOff ?? 0;
    for (const result of results) {
      if (result === 'written') counts.reloaded += 1;
      else if (result === 'fresh' || result === 'busy') counts.fresh += 1;
      else if (result === 'missing') counts.dropped += 1;
    }
    const unreached = open.filter((_, at) => results[at] === 'planned');
    if (unreached.length === open.length) break;
    open = unreached;
  }
  const left = asked - counts.reloaded - counts.fresh - counts.dropped;
  return { asked, ...counts, left, ...(heldOff > 0 ? { heldOff } : {}) };
}
