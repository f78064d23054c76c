import { enqueueLanes, lanesFor, startRun } from '../draw.ts';
import { durationMs } from '../duration.ts';
import type { WarmRequest } from '../facade.ts';
import type { Plan, Reads, Run, Writes } from '../rooms.ts';

interface Rooms {
  readonly reads: Reads;
  readonly writes: Writes;
}

/** Starts a run for whoever works `warm` jobs. */
export async function startWarm(
  { reads, writes }: Rooms,
  {
    horizon,
    maxTime,
    trigger = 'manual',
    ...request
  }: WarmRequest & { readonly cache: string; readonly at: number },
): Promise<{ run: number | undefined; plan: Plan['totals'] } | { running: number }> {
  const times = {
    horizonMs: horizon === undefined ? undefined : durationMs(horizon, 'horizon'),
    maxTimeMs: maxTime === undefined ? undefined : durationMs(maxTime, 'maxTime'),
  };
  const started = await startRun(
    reads,
    writes,
    { ...request, ...times, trigger },
    new AbortController().signal,
  );
  return 'running' in started ? started : { run: started.run, plan: started.totals };
}

/** Lanes that waited while their run was paused go on by themselves; those that were lost meanwhile are made anew. */
export async function reviveLanes(
  { reads, writes }: Rooms,
  { id, cache, rows }: Run,
  now: number,
): Promise<void> {
  const { lanes } = reads.caches.warmOptions(cache);
  await enqueueLanes(writes.queue, { cache, run: id, lanes: lanesFor(rows, lanes), again: `|${now}` });
}
