import { minuteMs } from './duration.ts';
import type { Forecast, Look, Plan, Reads, Trigger, Wish, Writes } from './rooms.ts';
import { chunkRows } from './rooms.ts';
import { looked } from './when.ts';

/** What a plan is asked for. What is left out comes from the cache's definition. */
export interface PlanRequest {
  readonly cache: string;
  readonly at: number;
  readonly top?: number | undefined;
  readonly horizonMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly maxTimeMs?: number | undefined;
  /** Texts of keys to plan instead of what the sources name. */
  readonly keys?: readonly string[] | undefined;
  /** Only keys that rise in the hour of this instant, so that they are warm by then. */
  readonly rise?: number | undefined;
}

export type PlanRooms = Pick<Reads, 'caches' | 'forecasts' | 'plans' | 'store'>;

/** Keys whose freshness is asked for at once. */
const lookAtOnce = 1_000;
/** More is asked of the forecast than is planned: what is fresh already makes room for what comes after it. */
const forecastSpare = 2;
/** A kept forecast is as good as a new one for this long: the job makes one every five minutes. */
const keptForMs = 6 * minuteMs;
/** Share of maxmemory from which the hottest keys are written last. */
const tightMark = 0.75;

/** Gathers what every source wishes for, looks at what is fresh, and builds the plan. Changes nothing. */
export async function drawPlan(from: PlanRooms, request: PlanRequest, signal: AbortSignal): Promise<Plan> {
  const { cache, at, rise, keys: named } = request;
  const warm = from.caches.warmOptions(cache);
  const top = request.top ?? warm.top;
  const afterMs = request.horizonMs ?? warm.horizonMs;
  const horizonMs = afterMs + Math.max(0, (rise ?? at) - at);
  const { wishes, confidence } =
    named !== undefined
      ? { wishes: named.map((key): Wish => ({ key, source: 'list' })) }
      : rise !== undefined
        ? await gatherRising(from, { cache, rise, horizonMs: afterMs, most: looked(warm.top) })
        : await gather(from, { cache, at, top, horizonMs }, signal);
  const looks: Look[] = [];
  for (let i = 0; i < wishes.length; i += lookAtOnce) {
    signal.throwIfAborted();
    const keys = wishes.slice(i, i + lookAtOnce).map((wish) => wish.key);
    looks.push(...(await from.store.look(cache, keys)));
  }
  const memory = await from.store.memory();
  const maxBytes = request.maxBytes ?? warm.maxBytes;
  return from.plans.build({
    cache,
    at,
    horizonMs,
    ttlMs: warm.ttlMs,
    wishes,
    looks,
    ...(confidence === undefined ? {} : { confidence }),
    isTight: memory.maxBytes > 0 && memory.usedBytes / memory.maxBytes >= tightMark,
    ...(rise === undefined ? {} : { leavesFresh: true }),
    budget: {
      keys: named === undefined ? top : Math.max(top, named.length),
      timeMs: request.maxTimeMs ?? warm.maxTimeMs,
      ...(maxBytes === undefined ? {} : { bytes: maxBytes }),
      ...(warm.perSecond === undefined ? {} : { perSecond: warm.perSecond }),
    },
  });
}

async function gather(
  from: PlanRooms,
  { cache, at, top, horizonMs }: { cache: string; at: number; top: number; horizonMs: number },
  signal: AbortSignal,
): Promise<{ wishes: Wish[]; confidence?: number | undefined }> {
  const warm = from.caches.warmOptions(cache);
  const wishes = await from.caches.wishes(cache, signal);
  for (const { sql, params } of warm.sql) {
    const keys = await from.plans.select(sql, params, top * forecastSpare);
    for (const key of keys) wishes.push({ key, source: 'sql' });
  }
  if (warm.tags.length > 0) {
    const keys = await from.plans.tagged(cache, warm.tags, top * forecastSpare);
    for (const key of keys) wishes.push({ key, source: 'tag' });
  }
  const { rows, confidence } = await forecastFor(from, { cache, at, horizonMs, most: top * forecastSpare });
  for (const row of rows) wishes.push({ ...row, source: 'forecast' });
  return { wishes, confidence };
}

/** The group that rises in an hour: who is in it, and how hot they will be then. */
async function gatherRising(
  from: PlanRooms,
  { cache, rise, horizonMs, most }: { cache: string; rise: number; horizonMs: number; most: number },
): Promise<{ wishes: Wish[]; confidence?: number | undefined }> {
  const options = { now: rise, horizonMs, most, rising: true };
  const { rows, confidence } = await from.forecasts.forecast(cache, options);
  return { wishes: rows.map((row): Wish => ({ ...row, source: 'forecast' })), confidence };
}

/** The forecast that was kept last, if it is about this time and far enough down; else one made now. */
export async function forecastFor(
  from: PlanRooms,
  { cache, at, horizonMs, most }: { cache: string; at: number; horizonMs: number; most: number },
): Promise<Forecast> {
  const kept = await from.forecasts.latest(cache);
  const isApt =
    kept !== undefined &&
    Math.abs(at - kept.at) <= keptForMs &&
    kept.horizonMs === horizonMs &&
    kept.rows.length >= most;
  if (isApt) return { ...kept, rows: kept.rows.slice(0, most) };
  return from.forecasts.forecast(cache, { now: at, horizonMs, most });
}

export interface RunRequest extends PlanRequest {
  readonly trigger: Trigger;
}

export type StartRooms = Pick<Writes, 'plans' | 'queue'>;

/** `run: undefined` = nothing needs warming; `running` = the cache has a live run already. */
export type Started =
  | { readonly run: number; readonly totals: Plan['totals'] }
  | { readonly run: undefined; readonly totals: Plan['totals'] }
  | { readonly running: number };

/** Draws a plan, keeps it as a run, and enqueues the lanes that carry it out. */
export async function startRun(
  from: PlanRooms,
  to: StartRooms,
  request: RunRequest,
  signal: AbortSignal,
): Promise<Started> {
  const { cache, trigger } = request;
  const plan = await drawPlan(from, request, signal);
  const { totals } = plan;
  if (plan.rows.length === 0) return { run: undefined, totals };
  const { lanes, ttlMs, ...warm } = from.caches.warmOptions(cache);
  const opened = await to.plans.open({
    plan,
    trigger,
    ttlMs,
    maxTimeMs: request.maxTimeMs ?? warm.maxTimeMs,
  });
  if ('running' in opened) {
    // A worker that died between opening the run and enqueueing its lanes, or a queue that was emptied, left it without.
    const run = await from.plans.run(opened.running);
    if (run && run.state !== 'paused')
      await enqueueLanes(to.queue, { cache, run: run.id, lanes: lanesFor(run.rows, lanes) });
    return opened;
  }
  await enqueueLanes(to.queue, { cache, run: opened.plan, lanes: lanesFor(plan.rows.length, lanes) });
  return { run: opened.plan, totals };
}

/** A lane without a chunk of its own would only wait for the others. */
export const lanesFor = (rows: number, lanes: number): number =>
  Math.max(1, Math.min(lanes, Math.ceil(rows / chunkRows)));

/** One `warm` job per lane, each named so that a second call adds nothing; `again` names a new round of them. */
export async function enqueueLanes(
  queue: Writes['queue'],
  { cache, run, lanes, again = '' }: { cache: string; run: number; lanes: number; again?: string },
): Promise<void> {
  for (let lane = 0; lane < lanes; lane++) {
    await queue.enqueue('warm', { cache, plan: run, lane }, { once: `warm|${cache}|${run}|${lane}${again}` });
  }
}
