import type { Cluster, Redis } from 'ioredis';
import { messageOf, SamovarError } from '../errors.ts';
import { readLua } from '../files.ts';
import { earlyMs, grainMs, type Limiter, type Reply } from './limiter.ts';
import type { Baseline } from './pace.ts';

interface Scripts {
  svBudgetTake(
    keys: 2,
    ...args: (string | number)[]
  ): Promise<[Reply['kind'], number, number, string, string, number, string, string]>;
  svBudgetDone(keys: 2, ...args: (string | number)[]): Promise<string>;
}

/** Budgets in Redis (queue role), by the clock of its server. */
export function createRedisLimiter(redis: Redis | Cluster, { prefix }: { readonly prefix: string }): Limiter {
  redis.defineCommand('svBudgetTake', { lua: readLua('budget-take') });
  redis.defineCommand('svBudgetDone', { lua: readLua('budget-done') });
  const scripts = redis as unknown as Scripts;
  const budgetOf = (origin: string) => `${prefix}:{budget:${origin}}`;
  const keysOf = (origin: string) => [budgetOf(origin), `${budgetOf(origin)}:places`];

  return {
    async ask({ origin, cache, grant, ids, perSecond, concurrency, placeMs }) {
      const [kind, granted, waitMs, factor, base, places, rate, at] = await guarded(
        scripts.svBudgetTake(
          2,
          ...keysOf(origin),
          ids,
          grant,
          perSecond ?? '',
          concurrency,
          placeMs,
          grainMs,
          earlyMs,
          cache,
          '',
        ),
      );
      return {
        kind,
        ids: granted,
        waitMs,
        factor: Number(factor),
        base: readBaseline(base),
        places,
        perSecond: rate === '' || rate === 'inf' ? undefined : Number(rate),
        at: Number(at),
      };
    },

    async settle(settling) {
      const { origin, cache, grant, ids, unused, base, seenFactor, factor, factorEveryMs, perSecond } =
        settling;
      const inForce = await guarded(
        scripts.svBudgetDone(
          2,
          ...keysOf(origin),
          grant,
          unused,
          perSecond ?? '',
          cache,
          ids,
          base ? `${base.usual.toFixed(3)} ${base.recent.toFixed(3)} ${base.at} ${base.seen}` : '',
          seenFactor,
          factor,
          factorEveryMs,
          '',
        ),
      );
      return Number(inForce);
    },

    async set(origin, { perSecond, concurrency }) {
      const fields: Record<string, string> = {};
      if (perSecond !== undefined)
        fields['perSecond'] = perSecond === Number.POSITIVE_INFINITY ? 'inf' : String(perSecond);
      if (concurrency !== undefined) fields['concurrency'] = String(concurrency);
      if (Object.keys(fields).length === 0) return;
      // What the old rate had already promised away is forgotten, so that the new one holds at once.
      await guarded(redis.multi().hset(budgetOf(origin), fields).hdel(budgetOf(origin), 'tat').exec());
    },

    async state(origin) {
      const [perSecond, concurrency, factor] = await guarded(
        redis.hmget(budgetOf(origin), 'perSecond', 'concurrency', 'factor'),
      );
      return {
        ...(perSecond
          ? { perSecond: perSecond === 'inf' ? Number.POSITIVE_INFINITY : Number(perSecond) }
          : {}),
        ...(concurrency ? { concurrency: Number(concurrency) } : {}),
        factor: Number(factor ?? 1),
      };
    },
  };
}

function readBaseline(text: string): Baseline | undefined {
  const [usual, recent, at, seen] = text.split(' ').map(Number);
  if (usual === undefined || recent === undefined || at === undefined || seen === undefined) return undefined;
  return { usual, recent, at, seen };
}

async function guarded<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw new SamovarError('E_QUEUE_UNAVAILABLE', `the queue Redis does not answer: ${messageOf(error)}`, {
      hints: ['see that it runs and is reachable: samovar doctor'],
      cause: error,
    });
  }
}
