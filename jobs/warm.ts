import { z } from 'zod';
import { cancel, defineJob, done, type Run, roomBytes, snooze, startRun, whyFull } from '../src/index.ts';
import { planPayload, requestOf } from './plan.ts';

/** Longer than any chunk takes: a claim that outlives its worker by this much is another's. */
const claimMs = 120_000;
/** What of a chunk the budget does not reach in this time goes back, so that a paused run pauses soon at any rate. */
const fillMs = 15_000;

type WarmResult = { run: number | null; state?: Run['state']; results?: Run['results'] };

/** Without a `plan` it draws one first; with one it is a lane: it carries out its share of that run. */
export const warm = defineJob('warm', {
  about: 'warm plan → lease → origin → store, chunk by chunk',
  reads: ['caches', 'forecasts', 'plans', 'store'],
  writes: ['cache', 'plans', 'queue'],
  payload: planPayload.extend({ plan: z.int().positive().optional(), lane: z.int().min(0).optional() }),
  timeout: '1h',
  concurrency: 8,
  async run({ plan: asked, lane: _lane, ...request }, from, to, { worker, now, signal, log, progress }) {
    const { cache } = request;
    const { memoryMark, overlap, lanes } = from.caches.warmOptions(cache);
    let plan = asked;
    if (plan === undefined) {
      const started = await startRun(from, to, requestOf(request, now()), signal);
      if ('running' in started) {
        const why = `run ${started.running} of ${cache} is under way`;
        return overlap === 'queue' ? snooze('5s', why) : cancel(why);
      }
      if (started.run === undefined) return done<WarmResult>({ run: null });
      plan = started.run;
    }
    // A store that is away says so when it is written to.
    const memory = () => from.store.memory().catch(() => undefined);
    const before = await memory();
    for (let keys = 0; ; ) {
      signal.throwIfAborted();
      const present = await memory();
      const full = whyFull(present, before, memoryMark);
      if (full !== undefined) await to.plans.stop(plan, full, now());
      const chunk = await to.plans.claim(plan, { worker, now: now(), leaseMs: claimMs });
      if (chunk.kind === 'paused') return snooze('1s', 'the run is paused');
      if (chunk.kind === 'wait') return snooze(chunk.ms, 'other workers hold what is left');
      if (chunk.kind === 'ended') break;
      const room = roomBytes(present, memoryMark, lanes + 1);
      const wanted = {
        keys: chunk.keys,
        rows: chunk.rows,
        plan,
        reason: 'warm',
        signal,
        withinMs: Math.min(fillMs, chunk.leftMs),
        ...(room === undefined ? {} : { roomBytes: room }),
      } as const;
      const report = await to.cache.fill(cache, wanted);
      await to.plans.settle(chunk, report, now());
      const settled = report.results.filter((result) => result !== 'planned').length;
      if (settled === 0 && !signal.aborted)
        return snooze('2s', report.error?.message ?? 'the budget gave nothing');
      keys += settled;
      await progress({ run: plan, keys });
    }
    const run = await to.plans.finish(plan, now());
    log.debug({ cache, run: plan, state: run.state }, 'lane ended');
    return done<WarmResult>({ run: plan, state: run.state, results: run.results });
  },
});
