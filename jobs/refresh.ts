import { z } from 'zod';
import { defineJob, done, dueResults, isSamovarError, snooze } from '../src/index.ts';

/** Keys in one claim: what one round of loads is. */
const most = 500;
/** What the budget does not reach in this time comes back, so that no claim outlives its time. */
const fillMs = 15_000;
/** Refreshes that were not made, and are tried again while their entries live. */
const unmade: readonly string[] = ['planned', 'budget', 'busy', 'failed'];

export const refresh = defineJob('refresh', {
  about: 'due entries that are likely to be read → lease → origin → store, before they expire',
  reads: ['due', 'forecasts', 'store'],
  writes: ['cache', 'due'],
  payload: z.object({ cache: z.string().optional() }),
  async run({ cache: asked }, from, to, { now, signal, log }) {
    const totals: Record<string, number> = { due: 0 };
    /** Answers whether there is more to do at once. */
    const round = async (cache: string): Promise<boolean> => {
      const claim = await to.due.claim(cache, { most });
      if (claim === undefined) return false;
      const { keys } = claim;
      const ages = await from.store.ages(cache, keys);
      const times = from.due.withinMs(cache, ages);
      const wished = keys.map((key, i) => ({ key, withinMs: times[i]! }));
      const chances = await from.forecasts.chances(cache, wished, now());
      const verdicts = from.due.judge(cache, { keys, ages, chances, now: now() });
      const judged = (verdict: string) => [...keys.keys()].filter((i) => verdicts[i] === verdict);
      const at = judged('refresh');
      const plan = at.length === 0 ? 0 : await to.due.open(cache, at.length);
      const report = await to.cache.fill(cache, {
        plan,
        rows: [...at.keys()],
        keys: at.map((i) => keys[i]!),
        renews: at.map((i) => ages[i]!.filledAt),
        reason: 'refresh',
        signal,
        withinMs: fillMs,
      });
      await to.due.note(plan, report.results);
      const results = dueResults(verdicts, report);
      // Who died may have filled an entry without a note of when it is due.
      const unnoted = claim.isAgain ? judged('fresh') : [];
      const again = [
        ...at.filter((_, n) => unmade.includes(report.results[n]!)).map((i) => ({ key: keys[i]! })),
        ...unnoted.map((i) => ({ key: keys[i]!, age: ages[i] })),
      ];
      await to.due.settle(claim, again, results);
      for (const [name, value] of Object.entries({ due: keys.length, ...results }))
        totals[name] = (totals[name] ?? 0) + value;
      return report.error === undefined && !signal.aborted;
    };
    const work = (asked === undefined ? from.due.caches() : [asked]).map(async (cache) => {
      while (!signal.aborted && (await round(cache)));
    });
    const failed = (await Promise.allSettled(work)).find((each) => each.status === 'rejected');
    signal.throwIfAborted();
    if (isSamovarError(failed?.reason) && failed.reason.code === 'E_STORE_UNAVAILABLE')
      return snooze('5s', failed.reason.message);
    if (failed) throw failed.reason;
    log.debug(totals, 'refreshed');
    return done(totals);
  },
});
