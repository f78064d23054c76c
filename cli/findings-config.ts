import type { Config } from '../src/config.ts';
import { defaults } from '../src/defaults.ts';
import type { AnyCacheDef } from '../src/define.ts';
import { secondMs } from '../src/duration.ts';
import type { Status } from '../src/facade.ts';
import { policyOf } from '../src/ttl/ttl.ts';
import { type Finding, warning } from './finding.ts';

/** What a configuration may say and rarely means. */
export function* doubts({ caches, jobs, schedules, origins, auto }: Config): Generator<Finding> {
  if (caches.length === 0) yield warning('config', 'it has no caches', 'define one: defineCache(...)');
  if (jobs.length === 0)
    yield warning(
      'config',
      'it has no jobs: a worker has nothing to do',
      "jobs: [...builtinJobs] from 'samovar/jobs'",
    );
  for (const { name, budget } of origins) {
    if (budget?.perSecond === undefined)
      yield warning(
        'config',
        `origin '${name}' has no budget: a warm loads as fast as it can`,
        `defineOrigin('${name}', { budget: { perSecond: 250 } })`,
      );
    else if (budget.perSecond === 0)
      yield warning(
        'config',
        `origin '${name}' has a budget of 0: nothing is ever warmed from it`,
        'set budget.perSecond',
      );
  }
  const scheduled = new Set(schedules.map(({ payload }) => payload.cache));
  for (const def of caches) if (scheduled.has(def.name)) yield* tooSlow(def);
  for (const { name } of caches)
    if (jobs.length > 0 && !auto && !scheduled.has(name))
      yield warning(
        'config',
        `no schedule warms cache '${name}'`,
        `schedule('*/15 * * * *', warm, { cache: '${name}' }), or samovar warm ${name} from your deploy`,
      );
}

/** What is warmed should not expire sooner than the budget lets it be loaded again. */
function* tooSlow(def: AnyCacheDef): Generator<Finding> {
  const perSecond = def.origin.budget?.perSecond ?? Number.POSITIVE_INFINITY;
  const seconds = policyOf(def).usualMs / secondMs;
  const top = def.warm?.top ?? defaults.warm.top;
  if (perSecond === 0 || perSecond * seconds >= top) return;
  yield warning(
    'config',
    `the budget of origin '${def.origin.name}' loads ${Math.floor(perSecond * seconds)} keys within the ttl of cache '${def.name}', and a plan holds ${top}: the rest expires first`,
    `budget.perSecond: ${Math.ceil(top / seconds)}, a longer ttl, or a smaller warm.top`,
  );
}

/** Nobody works: what applications enqueue and schedules ask for comes to nothing. */
export const idle = (queues: Status['queues']): Finding[] =>
  queues.length === 0 || queues.some(({ workers }) => workers > 0)
    ? []
    : [warning('workers', 'none is up: no schedule runs, and what is enqueued waits', 'samovar worker')];
