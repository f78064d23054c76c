import { z } from 'zod';
import { type DueClaim, defineJob, done, dueResults, isSamovarError, snooze } from '../src/index.ts';

/** Keys in one claim, and those of a round that is to fill one load. */
const most = 1_000;
const mostInRound = 5_000;
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
    const look = async (cache: string, keys: readonly string[], isAgain: boolean) => {
      const ages = await from.store.ages(cache, keys);
      const times = from.due.withinMs(cache, ages);
      const wished = keys.map((key, i) => ({ key, withinMs: times[i]! }));
      const chances = await from.forecasts.chances(cache, wished, now());
      const verdicts = from.due.judge(cache, { keys, ages, chances, now: now() });
      return keys.map((key, i) => ({ key, isAgain, age: ages[i], verdict: verdicts[i]! }));
    };
    /** Answers whether there is more to do at once. */
    const round = async (cache: string): Promise<boolean> => {
      const claims: DueClaim[] = [];
      const due: Awaited<ReturnType<typeof look>> = [];
      const worthy = () => due.filter(({ verdict }) => verdict === 'refresh');
      // Of what is due only some is loaded: as much is looked at as makes a whole load.
      while (worthy().length < from.due.batch(cache) && due.length < mostInRound && !signal.aborted) {
        const claim = await to.due.claim(cache, { most });
        if (claim === undefined) break;
        claims.push(claim);
        const known = new Set(due.map(({ key }) => key));
        const keys = claim.keys.filter((key) => !known.has(key));
        if (keys.length === 0) break;
        due.push(...(await look(cache, keys, claim.isAgain)));
      }
      if (claims.length === 0) return false;
      const wanted = worthy();
      const plan = wanted.length === 0 ? 0 : await to.due.open(cache, wanted.length);
      const report = await to.cache.fill(cache, {
        plan,
        rows: [...wanted.keys()],
        keys: wanted.map(({ key }) => key),
        renews: wanted.map(({ age }) => age!.filledAt),
        reason: 'refresh',
        signal,
        withinMs: fillMs,
      });
      await to.due.note(plan, report);
      const verdicts = due.map(({ verdict }) => verdict);
      const results = dueResults(verdicts, report);
      const again = [
        ...wanted.filter((_, n) => unmade.includes(report.results[n]!)).map(({ key }) => ({ key })),
        // Who died may have filled an entry without a note of when it is due.
        ...due.filter(({ isAgain, verdict }) => isAgain && verdict === 'fresh'),
      ];
      await to.due.settle(claims, again, results);
      for (const [name, value] of Object.entries({ due: due.length, ...results }))
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
