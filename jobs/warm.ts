import { z } from 'zod';
import { defineJob, done, type Run, snooze } from '../src/index.ts';
import { planPayload } from './plan.ts';

type WarmResult = { planned: string } | { run: number; state: Run['state']; results: Run['results'] };

/** Longer than any chunk takes: a claim that outlives its worker by this much is another's. */
const claimMs = 120_000;

export const warm = defineJob('warm', {
  about: 'warm plan → lease → origin → store, chunk by chunk',
  reads: ['caches', 'store'],
  writes: ['cache', 'plans', 'queue'],
  payload: planPayload.extend({ plan: z.int().positive().optional(), lane: z.int().min(0).optional() }),
  timeout: '1h',
  concurrency: 4,
  async run({ plan, lane: _lane, ...request }, from, to, { worker, now, signal, log, progress }) {
    const { cache } = request;
    if (plan === undefined) return done<WarmResult>({ planned: await to.queue.enqueue('plan', request) });

    const { memoryMark } = from.caches.warmOptions(cache);
    const { evicted } = await from.store.memory();
    for (let keys = 0; ; ) {
      signal.throwIfAborted();
      const chunk = await to.plans.claim(plan, { worker, now: now(), leaseMs: claimMs });
      if (chunk.kind === 'paused') return snooze('1s', 'the run is paused');
      if (chunk.kind === 'wait') return snooze(chunk.ms, 'other workers hold what is left');
      if (chunk.kind === 'ended') break;
      const memory = await from.store.memory();
      const isFull = memory.maxBytes > 0 && memory.usedBytes / memory.maxBytes >= memoryMark;
      if (memoryMark < 1 && (isFull || memory.evicted > evicted)) {
        await to.plans.stop(plan, isFull ? 'memory is nearly full' : 'the store began to evict', now());
      }
      const { keys: wanted, rows } = chunk;
      const report = await to.cache.fill(cache, { keys: wanted, rows, plan, reason: 'warm', signal });
      await to.plans.settle(chunk, report, now());
      keys += wanted.length;
      await progress({ run: plan, keys });
    }
    const run = await to.plans.finish(plan, now());
    log.debug({ cache, run: plan, state: run.state }, 'lane ended');
    return done<WarmResult>({ run: plan, state: run.state, results: run.results });
  },
});
