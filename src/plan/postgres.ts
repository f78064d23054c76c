import type { Clock } from '../clock.ts';
import type { Pool } from '../connect.ts';
import type { Emitter } from '../events.ts';
import type { Reads, Run, Writes } from '../rooms.ts';
import { buildPlan } from './build.ts';
import { claimChunk, nextChunk, settleChunk } from './postgres-claims.ts';
import { leftOut, pastRows } from './postgres-explain.ts';
import { openPlan } from './postgres-open.ts';
import { prunePlans } from './postgres-prune.ts';
import { controlRun, finishRun, listRuns, type RunVerb, readRun, stopRun } from './postgres-runs.ts';
import { readScores, scorePlans } from './postgres-scores.ts';
import { selectKeys, taggedKeys } from './postgres-sources.ts';
import { beginSlot, keepTimes, keptSlots } from './postgres-times.ts';
import { proposeTimes } from './when.ts';

export type Plans = Reads['plans'] &
  Writes['plans'] & {
    /** Newest first. */
    list(options?: { cache?: string; limit?: number }): Promise<Run[]>;
    /** E_UNKNOWN_RUN when there is no such run, or it is in no state for that. */
    control(plan: number, verb: RunVerb): Promise<Run>;
  };

/**
 * Plans and the runs that carry them out. A run is queued, then running, may be paused and resumed, and ends as done,
 * partial, failed or cancelled; a chunk of it is planned, claimed by one worker for a time, and settled.
 */
export function createPlans(
  pool: Pool,
  options: { clock: Clock; events: Emitter; retention: { plansMs: number } },
): Plans {
  const { clock, events, retention } = options;
  return {
    build: buildPlan,
    times: proposeTimes,
    keptSlots: (now) => keptSlots(pool, now),
    keepTimes: (times, now) => keepTimes(pool, times, now),
    begin: (slot, now) => beginSlot(pool, slot, now),
    run: (plan) => readRun(pool, plan, clock.now()),
    past: (cache, key, wanted) => pastRows(pool, cache, key, wanted),
    leftOut: (cache, key, wanted) => leftOut(pool, cache, key, wanted),
    scores: (cache, wanted) => readScores(pool, cache, wanted.plans),
    score: (now) => scorePlans(pool, { now, keepMs: retention.plansMs, events }),
    list: (wanted = {}) => listRuns(pool, wanted, clock.now()),
    tagged: (cache, tags, most) => taggedKeys(pool, cache, tags, most),
    select: (sql, params, most) => selectKeys(pool, sql, params, most),
    async open(plan) {
      const { cache } = plan.plan;
      const { opened, failed } = await openPlan(pool, plan, clock.now());
      for (const run of failed) events.emit('run:changed', { cache, run, state: 'failed' });
      if ('plan' in opened) events.emit('run:changed', { cache, run: opened.plan, state: 'queued' });
      return opened;
    },
    claim: (plan, wanted) => claimChunk(pool, plan, wanted),
    settle: (chunk, report, now) => settleChunk(pool, chunk, report, now),
    next: (chunk, report, wanted) => nextChunk(pool, chunk, report, wanted),
    finish: (plan, now) => finishRun(pool, plan, now, events),
    stop: (plan, why, now) => stopRun(pool, plan, why, now, events),
    control: (plan, verb) => controlRun(pool, plan, verb, clock.now(), events),
    prune: (now) => prunePlans(pool, { now, keepMs: retention.plansMs, events }),
  };
}
