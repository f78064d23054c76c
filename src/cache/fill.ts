import { deadline } from '../clock.ts';
import { isSamovarError } from '../errors.ts';
import type { FillReport, FillRequest } from '../rooms.ts';
import { createPartFiller, type PartParts, unused } from './part.ts';
import { end, openWork, reportOf, type Work } from './work.ts';

/** Loads and writes many keys ahead of their readers: under leases, within the origin's budget, in small pieces. */
export function createFill(parts: PartParts): (request: FillRequest) => Promise<FillReport> {
  const { def, settings, store, budget, clock, events } = parts;
  const cache = def.name;
  const part = createPartFiller(parts);

  /** Asks the budget and fills what it grants, until nothing is left. Several of these share one request. */
  const lane = async (work: Work, signal: AbortSignal): Promise<void> => {
    while (work.open.length > 0 && !work.isOver && !signal.aborted) {
      const from = clock.elapsed();
      const ids = Math.min(settings.batch, work.open.length);
      const grant = await budget.take(def.origin, { cache, ids, signal });
      work.waitMs += clock.elapsed() - from;
      if (grant.kind === 'aborted') return;
      if (grant.kind !== 'granted') {
        work.isOver = true;
        work.error ??= {
          code: grant.kind === 'away' ? 'E_QUEUE_UNAVAILABLE' : 'stopped',
          message: grant.message,
        };
        return;
      }
      const at = work.isOver ? [] : work.open.splice(0, grant.ids);
      if (at.length === 0) await grant.done(unused);
      else await part.fill(work, at, grant);
    }
  };

  const fillAll = async (work: Work, signal: AbortSignal): Promise<void> => {
    const isUnlimited = budget.isUnlimited(def.origin);
    if (!isUnlimited && !work.request.force && work.request.renews === undefined) {
      // What needs no load must not be asked of a budget that is short.
      const heads = await store.heads(cache, work.request.keys);
      const found = work.open.map((position) => heads[position]);
      work.open = [...(await part.skipFresh(work, work.open, found)).at];
    }
    // One more than may load at once: it writes while the others load.
    const most = 1 + budget.places(def.origin);
    const lanes = isUnlimited ? Math.min(most, Math.ceil(work.open.length / settings.batch)) : most;
    await Promise.all(Array.from({ length: lanes }, () => lane(work, signal)));
  };

  return async (request) => {
    const work = openWork(request, (key) => def.key.decode(key));
    const { withinMs, signal } = request;
    const time =
      withinMs === undefined
        ? undefined
        : deadline(clock, withinMs, () => new Error('the time for this fill is over'), signal);
    try {
      await fillAll(work, time?.signal ?? signal);
    } catch (error) {
      if (!isSamovarError(error)) throw error;
      end(work, error);
    } finally {
      time?.done();
    }
    if (work.error?.code === 'E_STORE_FULL')
      for (const position of work.open) work.results[position] = 'budget';
    const report = reportOf(work);
    events.emit('fill:settled', { cache, reason: request.reason, report });
    return report;
  };
}
