import type { Reads, RiseInput, WarmTime } from './rooms.ts';

/** Groups are made of the keys that a forecast would speak of, this many at least. */
const leastLooked = 2_000;
/** More keys are grouped than one plan may hold. */
const spare = 2;

/** How many keys of a cache are looked at to group them, where a plan of it holds so many. */
export const looked = (top: number): number => Math.max(leastLooked, spare * top);

/** By when the groups of one cache are to be warm; `why` there is none. */
export interface Foreseen {
  readonly cache: string;
  readonly origin: string;
  /** `unread`: no read is known. `young`: less than two days are. `even`: no hour of the day is much fuller than another. */
  readonly why?: 'unread' | 'young' | 'even';
  readonly times: readonly WarmTime[];
}

const leastHours = 48;

/** Looks at the days of all caches, and proposes when to warm what rises in the day from now on. Changes nothing. */
export async function foresee(
  from: Pick<Reads, 'caches' | 'forecasts' | 'plans'>,
  now: number,
  signal: AbortSignal,
): Promise<Foreseen[]> {
  const inputs: (RiseInput & { readonly knownHours: number })[] = [];
  for (const cache of from.caches.names()) {
    signal.throwIfAborted();
    const { origin, perSecond, concurrency, top, ttlMs } = from.caches.warmOptions(cache);
    const found = await from.forecasts.rises(cache, { now, most: looked(top) });
    inputs.push({
      ...found,
      cache,
      origin,
      concurrency,
      top,
      ttlMs,
      ...(perSecond === undefined ? {} : { perSecond }),
    });
  }
  // Together, because caches may share an origin and its budget.
  const times = from.plans.times(inputs, now);
  return inputs.map(({ cache, origin, knownHours }): Foreseen => {
    const own = times.filter((time) => time.cache === cache);
    const why = knownHours === 0 ? 'unread' : knownHours < leastHours ? 'young' : 'even';
    return { cache, origin, times: own, ...(own.length === 0 ? { why } : {}) };
  });
}
