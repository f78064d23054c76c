import type { CacheDef } from '../define.ts';
import { durationMs } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import type { ReadOptions } from '../facade.ts';
import { isHashed } from '../key.ts';
import type { Form } from '../store/codec.ts';
import { isNegative, planOf, rowOf } from '../store/entry.ts';
import type { Counts } from './counts.ts';
import { isDueEarly } from './early.ts';
import { createFallback } from './fallback.ts';
import type { Flight } from './flight.ts';
import type { Found } from './found.ts';
import type { Memory } from './memory.ts';
import { type MissParts, pastOf } from './miss.ts';
import type { Refresher } from './refresh.ts';
import { createSlide } from './slide.ts';

export interface ReadParts extends MissParts {
  readonly counts: Counts;
  /** @default nothing is kept in this process */
  readonly memory?: Memory | undefined;
  /** From 0 up to 1. */
  chance(): number;
}

/** The steps that a read of one key and a read of many have in common. */
export type ReadSteps<Id, Value> = ReturnType<typeof createReadSteps<Id, Value>>;

export function createReadSteps<Id, Value>(
  def: CacheDef<string, Id, Value>,
  parts: ReadParts,
  refresher: Refresher,
) {
  const { events, recorder, settings, reader, clock, counts, rates, pulse, chance } = parts;
  const { name } = def;
  const { earlyRefresh: beta, softMs } = settings;
  const slide = createSlide(name, settings, parts);
  const fallback = createFallback(def, events);
  const tellHashed = once(() => events.emit('key:hashed', { cache: name }));

  const missed = (key: string, caller: string | undefined, found?: Found, times = 1): void => {
    counts.misses += times;
    rates?.read(key, times);
    recorder.miss(name, key, caller, times);
    if (isHashed(key)) tellHashed();
    if (found === 'corrupt' || found === 'version' || found === 'schema')
      events.emit('entry:refused', { cache: name, why: found });
  };

  const hit = (key: string, caller: string | undefined, bytes: Buffer, judged: Found, times = 1): void => {
    if (judged === 'stale') counts.stale += times;
    else if (isNegative(bytes)) counts.negatives += times;
    else counts.hits += times;
    rates?.read(key, times);
    recorder.hit(name, key, caller, planOf(bytes), rowOf(bytes), times);
  };

  const refresh = (key: string, id: Id, bytes: Buffer): Flight | undefined => {
    const flight = refresher.begin({ key, id, past: pastOf(bytes) });
    return softMs > 0 ? flight : undefined;
  };

  /** What a fresh entry leads to besides its value. */
  const fresh = (key: string, id: Id, bytes: Buffer): void => {
    if (isNegative(bytes)) return;
    slide?.read(key, bytes);
    if (beta > 0 && isDueEarly(bytes, { now: clock.now(), loadMs: pulse.loadMs, beta, chance }))
      refresher.begin({ key, id, past: pastOf(bytes) });
  };

  const storeFailed = (error: unknown) =>
    events.emit('store:failed', { role: 'cache', message: messageOf(error) });

  const unreadable = (error: unknown): SamovarError => {
    const why = messageOf(error instanceof Error && error.cause ? error.cause : error);
    return new SamovarError('E_ENCODE', `a value of caches.${name} cannot be read back: ${why}`, {
      cause: error,
    });
  };

  /** The value in what a load brought: at once, unless it takes its time to be read. E_ENCODE when it cannot be read back. */
  const valueIn = (form: Form | undefined): Value | undefined | Promise<Value | undefined> => {
    if (form === undefined) return undefined;
    try {
      const value = reader.read(form) as Value | Promise<Value>;
      return value instanceof Promise
        ? value.catch((error: unknown) => Promise.reject(unreadable(error)))
        : value;
    } catch (error) {
      throw unreadable(error);
    }
  };

  /** A reader's own patience; the load goes on. */
  const inTime = <T>(work: Promise<T>): Promise<T> => {
    const { hardMs } = settings;
    if (hardMs === undefined) return work;
    return new Promise((resolve, reject) => {
      const timer = clock.after(hardMs, () =>
        reject(
          new SamovarError('E_LOAD_TIMEOUT', `a value of caches.${name} did not come within ${hardMs} ms`, {
            hints: [`raise \`caches.${name}.timeouts.hard\`, or make its load faster`],
          }),
        ),
      );
      work.then(resolve, reject).finally(() => timer.stop());
    });
  };

  return {
    missed,
    hit,
    refresh,
    fresh,
    storeFailed,
    valueIn,
    inTime,
    fallback,
    slid: () => slide?.settled(),
  };
}

export const maxStaleOf = (options: ReadOptions | undefined): number | undefined =>
  options?.maxStale === undefined ? undefined : durationMs(options.maxStale, 'maxStale');

function once(task: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    task();
  };
}
