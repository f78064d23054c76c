import { z } from 'zod';
import { defineJob, done, foresee } from '../src/index.ts';

/** Days change slowly. */
const proposedForMs = 3_600_000;

/** Every worker may run it at any minute: a slot is one name in the queue, whoever asks for it and however often. */
export const rise = defineJob('rise', {
  about: 'daily rises of groups of keys → slots before them → warm runs',
  reads: ['caches', 'forecasts', 'plans'],
  writes: ['plans', 'queue'],
  payload: z.object({}),
  async run(_payload, from, to, { now, signal, log }) {
    let kept = await from.plans.keptSlots(now());
    let proposed = 0;
    const age = now() - (kept.madeAt ?? Number.NEGATIVE_INFINITY);
    if (age >= proposedForMs || age < 0) {
      const foreseen = await foresee(from, now(), signal);
      const times = foreseen.flatMap((each) => each.times);
      proposed = await to.plans.keepTimes(times, now());
      kept = await from.plans.keptSlots(now());
      for (const { cache, by, left } of times)
        if (left > 0) log.warn({ cache, by, left }, 'the budget has no room to warm all before the rise');
    }
    const known = from.caches.names();
    /** Slots of a group that were missed are made up for in one. */
    const due = new Map<string, { cache: string; by: number; at: number; keys: number }>();
    for (const { cache, by, at, keys, isBegun } of kept.slots) {
      if (isBegun || at > now() || !known.includes(cache)) continue;
      const group = `${cache}|${by}`;
      due.set(group, { cache, by, at, keys: keys + (due.get(group)?.keys ?? 0) });
    }
    for (const [group, { cache, by, at, keys }] of due) {
      signal.throwIfAborted();
      await to.queue.enqueue(
        'plan',
        { cache, rise: by, top: keys, trigger: 'cron' },
        { once: `rise|${group}|${at}` },
      );
      await to.plans.begin({ cache, by, at }, now());
    }
    if (due.size > 0) log.info({ slots: [...due.values()] }, 'warming before a rise');
    return done({ proposed, begun: due.size });
  },
});
