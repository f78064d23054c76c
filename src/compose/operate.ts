import { drawPlan, enqueueLanes } from '../draw.ts';
import type { WarmRequest } from '../facade.ts';
import type { Plan, Reads, Writes } from '../rooms.ts';

/** Draws a plan and starts its run; the run's chunks are worked by whoever works `warm` jobs. */
export async function startWarm(
  { reads, writes }: { reads: Reads; writes: Writes },
  request: WarmRequest & { readonly cache: string; readonly at: number },
): Promise<{ run: number | undefined; plan: Plan['totals'] } | { running: number }> {
  const { cache, trigger = 'manual' } = request;
  const plan = await drawPlan(reads, request, new AbortController().signal);
  if (plan.rows.length === 0) return { run: undefined, plan: plan.totals };
  const { maxTimeMs, lanes, ttlMs } = reads.caches.warmOptions(cache);
  const opened = await writes.plans.open({ plan, trigger, ttlMs, maxTimeMs: request.maxTimeMs ?? maxTimeMs });
  if ('running' in opened) return opened;
  await enqueueLanes(writes.queue, { cache, plan: opened.plan, lanes });
  return { run: opened.plan, plan: plan.totals };
}
