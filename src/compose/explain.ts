import type { AnyCacheDef } from '../define.ts';
import { drawPlan } from '../draw.ts';
import type { Explanation } from '../facade.ts';
import { chanceOfRead } from '../plan/weigh.ts';
import type { Reads } from '../rooms.ts';

/** How far down the forecast a key is looked for, and in how many plans. */
const mostRanks = 10_000;
const mostPlans = 20;

/** All that is known of one key: whether it is in the cache, its forecast term by term, what a plan would decide, what plans did. */
export async function explainKey(
  reads: Reads,
  def: AnyCacheDef,
  { key, at }: { key: string; at: number },
): Promise<Explanation> {
  const cache = def.name;
  const { horizonMs, ttlMs } = reads.caches.warmOptions(cache);
  const [[look], forecast, plan, past, left, [choice]] = await Promise.all([
    reads.store.look(cache, [key]),
    reads.forecasts.forecast(cache, { now: at, horizonMs, most: mostRanks }),
    drawPlan(reads, { cache, at }, new AbortController().signal),
    reads.plans.past(cache, key, { plans: mostPlans }),
    reads.plans.leftOut(cache, key, { plans: mostPlans }),
    reads.forecasts.choices(cache),
  ]);
  const rank = forecast.rows.findIndex((row) => row.key === key);
  const row = forecast.rows[rank];
  const decided = [...plan.rows, ...plan.left].find((each) => each.key === key);
  return {
    cache,
    key,
    at,
    horizonMs,
    state: look!.state,
    ...(look!.state === 'missing' ? {} : { freshUntil: look!.freshUntil }),
    ...(row === undefined
      ? {}
      : { forecast: { ...row, by: forecast.scorer, rank: rank + 1, of: forecast.rows.length } }),
    ...(row === undefined ? {} : { chance: chanceOfRead(row.heat, Math.min(horizonMs, ttlMs)) }),
    ...(decided === undefined ? {} : { decision: decided }),
    ...(choice === undefined ? {} : { choice }),
    past,
    leftOut: left,
  };
}
