import { dayMs, hourMs, minuteMs } from '../../src/duration.ts';
import { createEmitter, type Events } from '../../src/events.ts';
import { buildPlan } from '../../src/plan/build.ts';
import { createPlans, type Plans } from '../../src/plan/postgres.ts';
import type { ClaimedChunk, FillReport, OpenPlan, RowResult, Wish } from '../../src/rooms.ts';
import { database, fakeClock } from '../support/index.ts';

export const maxTimeMs = 10 * minuteMs;
export const leaseMs = 30_000;
export const ttlMs = hourMs;

/** A database with the plans' room over it, on a clock that stands still. */
export async function planRoom() {
  const db = await database();
  const clock = fakeClock();
  const told = { changed: [] as Events['run:changed'][], unused: [] as Events['warm:unused'][] };
  const events = createEmitter((error) => {
    throw error;
  });
  events.on('run:changed', (event) => told.changed.push(event));
  events.on('warm:unused', (event) => told.unused.push(event));
  const plans = createPlans(db.pool, { clock, events, retention: { plansMs: 14 * dayMs } });
  return {
    db,
    clock,
    plans,
    told,
    open: async (keys: readonly string[], change: Partial<OpenPlan> & { cache?: string } = {}) => {
      const opened = await plans.open(openable(keys, clock.now(), change));
      if (!('plan' in opened)) throw new Error(`run ${opened.running} is in the way`);
      return opened.plan;
    },
    claim: (plan: number, worker = 'w1') => plans.claim(plan, { worker, now: clock.now(), leaseMs }),
    settle: (chunk: ClaimedChunk, result: RowResult | readonly RowResult[] = 'written') =>
      plans.settle(chunk, report(chunk, result), clock.now()),
    next: (chunk: ClaimedChunk, result: RowResult | readonly RowResult[] = 'written', worker = 'w1') =>
      plans.next(chunk, report(chunk, result), { worker, now: clock.now(), leaseMs }),
    finish: (plan: number) => plans.finish(plan, clock.now()),
    empty: async () => {
      told.changed.length = 0;
      told.unused.length = 0;
      await db.rows(
        'truncate samovar.plan, samovar.job_run, samovar.cache, samovar.key_tag, samovar.key_state cascade',
      );
    },
  };
}

/** A plan of these keys, in their order. */
export function openable(
  keys: readonly string[],
  at: number,
  { cache = 'products', ...change }: Partial<OpenPlan> & { cache?: string } = {},
): OpenPlan {
  const wishes = keys.map(
    (key, i): Wish => ({ key, source: 'list', heat: 1 / (i + 1), costMs: 10, bytes: 100 }),
  );
  const plan = buildPlan({
    cache,
    at,
    horizonMs: hourMs,
    ttlMs,
    wishes,
    looks: keys.map(() => ({ state: 'missing', freshUntil: 0 })),
    budget: { keys: keys.length },
    isTight: false,
  });
  return { plan, trigger: 'manual', maxTimeMs, ttlMs, ...change };
}

export const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`);

/** What a fill tells of a chunk: one result for all rows, or one each. */
export const report = (
  chunk: ClaimedChunk,
  result: RowResult | readonly RowResult[],
  change: Partial<FillReport> = {},
): FillReport => ({
  results: typeof result === 'string' ? chunk.keys.map(() => result) : result,
  bytes: 100,
  loadMs: 5,
  waitMs: 0,
  fills: [],
  ...change,
});

/** The chunk of a claim, which must be one. */
export async function taken(claim: ReturnType<Plans['claim']>): Promise<ClaimedChunk> {
  const got = await claim;
  if (got.kind !== 'chunk') throw new Error(`expected a chunk, got ${JSON.stringify(got)}`);
  return got;
}
