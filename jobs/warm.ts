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
  async run({ plan: asked, lane: _lane, ...request }, from, to, context) {
    const { worker, now, signal, log, progress } = context;
    const { cache } = request;
    if (asked !== undefined && !from.caches.names().includes(cache)) return cancel(`no cache ${cache} here`);
    const { memoryMark, overlap, lanes } = from.caches.warmOptions(cache);
    let plan = asked;
    if (plan === undefined) {
      const started = await startRun(from, to, requestOf(request, context), signal);
      if ('running' in started) {
        const why = `run ${started.running} of ${cache} is under way`;
        return overlap === 'queue' ? snooze('5s', why) : cancel(why);
      }
      if (started.run === undefined) return done<WarmResult>({ run: null });
      plan = started.run;
    }
    /** Whoever planned would plan anew when it comes back: the run has its lanes. */
    const later = (...when: Parameters<typeof snooze>) =>
      asked === undefined ? done<WarmResult>({ run: plan }) : snooze(...when);
    // A store that is away says so when it is written to.
    const memory = () => from.store.memory().catch(() => undefined);
    const before = await memory();
    let present = before;
    /** A run that would push out what is hot is stopped before more of it is claimed. */
    const guard = async (): Promise<void> => {
      present = await memory();
      const full = whyFull(present, before, memoryMark);
      if (full !== undefined) await to.plans.stop(plan, full, now());
    };
    const wanted = () => ({ worker, now: now(), leaseMs: claimMs });
    signal.throwIfAborted();
    await guard();
    let chunk = await to.plans.claim(plan, wanted());
    for (let keys = 0; ; ) {
      if (chunk.kind === 'paused') return later('1s', 'the run is paused');
      if (chunk.kind === 'wait') return later(chunk.ms, 'other workers hold what is left');
      if (chunk.kind === 'ended') break;
      const room = roomBytes(present, memoryMark, lanes + 1);
      const report = await to.cache.fill(cache, {
        keys: chunk.keys,
        rows: chunk.rows,
        plan,
        reason: 'warm',
        signal,
        withinMs: Math.min(fillMs, chunk.leftMs),
        ...(room === undefined ? {} : { roomBytes: room }),
      });
      const settled = report.results.filter((result) => result !== 'planned').length;
      if (settled === 0 || signal.aborted) {
        await to.plans.settle(chunk, report, now());
        signal.throwIfAborted();
        return later('2s', report.error?.message ?? 'the budget gave nothing');
      }
      keys += settled;
      await progress({ run: plan, keys });
      await guard();
      chunk = await to.plans.next(chunk, report, wanted());
    }
    const run = await to.plans.finish(plan, now());
    log.debug({ cache, run: plan, state: run.state }, 'lane ended');
    return done<WarmResult>({ run: plan, state: run.state, results: run.results });
  },
});
