import pLimit from 'p-limit';
import { type Clock, type Deadline, deadline } from '../clock.ts';
import type { AnyCacheDef, LoadContext, LoadReason } from '../define.ts';
import { humanDuration } from '../duration.ts';
import { isSamovarError, messageOf, SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import { valuesOf } from './shape.ts';
import { whileLoading } from './within.ts';

export interface LoadRequest {
  readonly ids: readonly unknown[];
  /** The keys of the ids, by position. */
  readonly keys: readonly string[];
  readonly reason: LoadReason;
  readonly signal?: AbortSignal;
}

export interface LoadResult {
  /** By position; undefined = the origin has no such id (or it failed). */
  readonly values: readonly unknown[];
  /** What failed, by position: E_LOAD_FAILED, E_LOAD_TIMEOUT, E_LOAD_SHAPE. */
  readonly errors: ReadonlyMap<number, SamovarError>;
  /** True when the signal aborted: what has no value then was not tried. */
  readonly isAborted: boolean;
  /** How many ids the origin was asked for, those asked again included. */
  readonly asked: number;
  readonly ms: number;
  /** Resolves when the calls have ended that were left behind, their time being over; undefined where there are none. */
  readonly left?: Promise<unknown>;
}

export type Loader = (request: LoadRequest) => Promise<LoadResult>;

export interface LoaderOptions {
  readonly clock: Clock;
  readonly events: Emitter;
  readonly timeoutMs: number;
  readonly batch: number;
  /** What is stored of a key, fresh or not. Never rejects. @default nothing */
  readonly past?: (key: string) => Promise<unknown>;
}

/** Batches of one reader's ids under way at once. */
const batchesAtOnce = 4;
/** Most loads spent on finding out which ids of a failed batch are to blame. */
const mostParts = 40;
/** So many parts failing before any succeeded means that the origin is ill, not an id. */
const hopelessAfter = 6;

interface Part {
  readonly from: number;
  readonly to: number;
}

/** What the calls of one request have given so far. */
interface Gathered {
  readonly values: unknown[];
  readonly errors: Map<number, SamovarError>;
  readonly left: Promise<unknown>[];
  readonly told: { asked: number };
}

/** Calls a cache's `load` in batches, with a deadline each, and never throws: failures are told by id. */
export function createLoader(def: AnyCacheDef, options: LoaderOptions): Loader {
  const { clock, events, timeoutMs, batch } = options;
  const past = async (id: unknown): Promise<unknown> => options.past?.(def.key.encode(id));

  /** One call. Throws a SamovarError, or what the signal aborted with. */
  const call = async (
    request: LoadRequest,
    { from, to }: Part,
    left: Promise<unknown>[],
  ): Promise<unknown[]> => {
    const ids = request.ids.slice(from, to);
    const keys = request.keys.slice(from, to);
    const startedAt = clock.elapsed();
    const limit = deadline(clock, timeoutMs, () => timedOut(def, timeoutMs), request.signal);
    let outcome: 'ok' | 'failed' | 'timeout' = 'failed';
    let running: Promise<unknown> | undefined;
    try {
      const loading = whileLoading(def.name, keys, () =>
        def.load([...ids], contextOf(limit, request.reason, past)),
      );
      running = loading;
      // A loader that ignores its signal is left behind; what it says later is heard by nobody.
      const answer = await Promise.race([limit.over, loading]);
      const values = valuesOf(def, answer, ids, keys);
      outcome = values.length > 0 && values.every((value) => value instanceof Error) ? 'failed' : 'ok';
      return values;
    } catch (error) {
      if (running && limit.isReason(error)) left.push(running.catch(() => {}));
      if (request.signal?.aborted) throw error;
      if (isSamovarError(error) && limit.isReason(error)) outcome = 'timeout';
      else throw blamed(def, error);
      throw error;
    } finally {
      limit.done();
      const ms = clock.elapsed() - startedAt;
      if (outcome === 'ok' || !request.signal?.aborted)
        events.emit('load:settled', {
          cache: def.name,
          reason: request.reason,
          ids: ids.length,
          ms,
          outcome,
        });
    }
  };

  /** A batch; when it throws, its halves, and theirs, so that a poisoned id fails alone. */
  const runBatch = async (
    request: LoadRequest,
    whole: Part,
    { values, errors, left, told }: Gathered,
  ): Promise<void> => {
    const open: Part[] = [whole];
    let parts = 0;
    let hasSucceeded = false;
    for (let part = open.shift(); part !== undefined; part = open.shift()) {
      if (request.signal?.aborted) return;
      told.asked += part.to - part.from;
      try {
        const loaded = await call(request, part, left);
        for (let i = part.from; i < part.to; i++) {
          const value = loaded[i - part.from];
          if (value instanceof Error) errors.set(i, blamed(def, value));
          else values[i] = value;
        }
        hasSucceeded = true;
      } catch (error) {
        if (request.signal?.aborted) return;
        const isHopeless = !hasSucceeded && parts >= hopelessAfter;
        const canSplit = part.to - part.from > 1 && parts < mostParts && !isHopeless;
        if (canSplit && (error as SamovarError).code === 'E_LOAD_FAILED') {
          const middle = Math.ceil((part.from + part.to) / 2);
          open.push({ from: part.from, to: middle }, { from: middle, to: part.to });
        } else {
          const failed = isHopeless ? [part, ...open.splice(0)] : [part];
          for (const { from, to } of failed)
            for (let i = from; i < to; i++) errors.set(i, error as SamovarError);
        }
      }
      parts += 1;
    }
  };

  return async (request) => {
    const startedAt = clock.elapsed();
    const values: unknown[] = new Array(request.ids.length);
    const errors = new Map<number, SamovarError>();
    const batches: Part[] = [];
    for (let from = 0; from < request.ids.length; from += batch)
      batches.push({ from, to: Math.min(from + batch, request.ids.length) });
    const told = { asked: 0 };
    const left: Promise<unknown>[] = [];
    const into = { values, errors, left, told };
    if (batches.length === 1) await runBatch(request, batches[0]!, into);
    else await pLimit(batchesAtOnce).map(batches, (each) => runBatch(request, each, into));
    const isAborted = request.signal?.aborted ?? false;
    const result = { values, errors, isAborted, asked: told.asked, ms: clock.elapsed() - startedAt };
    return left.length === 0 ? result : { ...result, left: Promise.all(left) };
  };
}

/** Most loaders never ask for their signal, which costs more than all else of a call. */
const contextOf = (
  limit: Deadline,
  reason: LoadReason,
  past: (id: unknown) => Promise<unknown>,
): LoadContext => ({
  get signal() {
    return limit.signal;
  },
  reason,
  past,
});

const timedOut = (def: AnyCacheDef, ms: number): SamovarError =>
  new SamovarError(
    'E_LOAD_TIMEOUT',
    `\`caches.${def.name}.load\` did not answer within ${humanDuration(ms)}`,
    {
      hints: [
        `make it faster, load fewer ids at once (\`batch\`), or raise \`timeout\` of origin ${def.origin.name}`,
      ],
    },
  );

/** As it is when it says already what is wrong with the loader. */
const blamed = (def: AnyCacheDef, error: unknown): SamovarError =>
  isSamovarError(error) && (error.code === 'E_LOAD_SHAPE' || error.code === 'E_LOAD_LOOP')
    ? error
    : failed(def, error);

const failed = (def: AnyCacheDef, cause: unknown): SamovarError =>
  new SamovarError('E_LOAD_FAILED', `\`caches.${def.name}.load\` failed: ${messageOf(cause)}`, { cause });
