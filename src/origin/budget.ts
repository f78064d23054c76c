import { randomBytes } from 'node:crypto';
import pLimit, { type LimitFunction } from 'p-limit';
import { type Clock, nextTurn } from '../clock.ts';
import { defaults } from '../defaults.ts';
import type { OriginDef } from '../define.ts';
import { durationMs, secondMs } from '../duration.ts';
import { messageOf } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { BudgetLimits, Limiter, Reply } from './limiter.ts';
import { createMoments, type Moments } from './moment.ts';
import { factorEveryMs, nextFactor, observe, sizeClass } from './pace.ts';
import { createProbe } from './probe.ts';

/** What background work may ask of an origin at present. */
export interface BudgetState {
  /** Undefined = unlimited. */
  readonly perSecond?: number;
  readonly concurrency: number;
  /** Share of the limits in force: below 1 after failures or slow loads. */
  readonly factor: number;
}

/** How a granted load went. */
export interface LoadReport {
  /** 'unused': nothing can be learnt from it. */
  readonly outcome: 'ok' | 'failed' | 'unused';
  readonly ms: number;
  /** Ids really asked of the origin: the rest of the grant goes back, what is more delays the next. */
  readonly ids: number;
  /** Resolves when the origin has nothing of it to do any more; undefined = now. */
  readonly left?: Promise<unknown> | undefined;
}

export interface Grant {
  readonly kind: 'granted';
  readonly ids: number;
  /** Resolves when the load may begin: soon. False when its moment has passed: it is lost. */
  start(): Promise<boolean>;
  /** Tells how it went and gives the place among the loads at once back, when nothing is `left`. Never throws. */
  done(report: LoadReport): Promise<void>;
}

/** `stopped`: perSecond is 0; `away`: the limiter cannot be reached; `aborted`: the signal. */
export interface Refusal {
  readonly kind: 'stopped' | 'aborted' | 'away';
  readonly message: string;
}

export interface Wish {
  readonly cache: string;
  readonly ids: number;
  readonly signal: AbortSignal;
}

/** What background work may ask of origins, shared by the fleet. Readers never ask it. */
export interface Budget {
  /** True when nothing limits the ids per second of an origin, as far as is known here. */
  isUnlimited(origin: OriginDef): boolean;
  /** Loads at once that the fleet may have under way, as far as is known here. */
  places(origin: OriginDef): number;
  /** True while less than its limits is granted, because the origin was slow or failed, as far as is known here. */
  isStrained(origin: OriginDef): boolean;
  /** Waits until some of the wished ids may be loaded. Never throws. */
  take(origin: OriginDef, wish: Wish): Promise<Grant | Refusal>;
  /** Changes the limits of the whole fleet at once, until changed again. E_QUEUE_UNAVAILABLE. */
  set(origin: string, limits: BudgetLimits): Promise<void>;
  /** E_QUEUE_UNAVAILABLE. */
  state(origin: OriginDef): Promise<BudgetState>;
}

/** What this process knows of an origin. */
interface Local {
  readonly gate: LimitFunction;
  readonly isSaturated: () => Promise<boolean>;
  reply: Pick<Reply, 'places' | 'perSecond' | 'factor'>;
  readonly moments: Moments;
  /** Rings when a place was given back here, so that the next asker need not wait its time. */
  freed: AbortController;
}

/** How long a limiter that cannot be reached is waited for. */
const patienceMs = 10 * secondMs;
const retryMs = 250;
/** A load that ignores its signal keeps its place here for so many of its times; a loader that never ends stops nothing. */
const leftTimes = 10;
/** No wait is longer than this, so that changed limits are soon felt. */
const longestWaitMs = 500;

export function createBudget(
  limiter: Limiter,
  { clock, events }: { readonly clock: Clock; readonly events: Emitter },
): Budget {
  const locals = new Map<string, Local>();
  const ours = randomBytes(6).toString('base64url');
  let grants = 0;

  const localOf = (origin: OriginDef): Local => {
    let local = locals.get(origin.name);
    if (local === undefined) {
      const places = placesOf(origin);
      local = {
        gate: pLimit(places),
        isSaturated: createProbe(origin, clock),
        reply: { places, perSecond: origin.budget?.perSecond, factor: 1 },
        moments: createMoments(clock),
        freed: new AbortController(),
      };
      locals.set(origin.name, local);
    }
    return local;
  };

  const learn = (origin: OriginDef, local: Local, reply: Local['reply']) => {
    if (reply.factor !== local.reply.factor)
      events.emit('budget:changed', { origin: origin.name, factor: reply.factor });
    local.reply = reply;
    local.gate.concurrency = reply.places;
  };

  const settle = async (
    origin: OriginDef,
    local: Local,
    { cache, grant, reply }: { cache: string; grant: string; reply: Reply },
    { outcome, ms, ids, left }: LoadReport,
  ): Promise<void> => {
    const isLikeGranted = outcome === 'ok' && sizeClass(ids) === sizeClass(reply.ids);
    const seen = isLikeGranted ? observe(reply.base, ms, clock.now()) : undefined;
    const isSlow = seen?.isSlow || (await local.isSaturated());
    const verdict = outcome === 'failed' ? 'failed' : isSlow ? 'slow' : 'ok';
    try {
      const factor = await limiter.settle({
        origin: origin.name,
        cache,
        // What goes on at the origin keeps its place there until the place's time is over.
        grant: left === undefined ? grant : '',
        ids: reply.ids,
        unused: reply.ids - ids,
        base: seen?.base,
        seenFactor: reply.factor,
        factor: outcome === 'unused' ? reply.factor : nextFactor(reply.factor, verdict),
        factorEveryMs,
        perSecond: origin.budget?.perSecond,
      });
      learn(origin, local, { ...local.reply, factor });
    } catch {
      // The place comes free by itself when its time is over, and the next asker meets the same trouble.
    }
  };

  const ask = async (
    origin: OriginDef,
    local: Local,
    wish: Wish,
  ): Promise<{ grant: string; reply: Reply; momentAt: number } | Refusal> => {
    const { name } = origin;
    const timeoutMs = timeoutOf(origin);
    let awaySince: number | undefined;
    while (!wish.signal.aborted) {
      grants += 1;
      const grant = `${ours}.${grants.toString(36)}`;
      let reply: Reply;
      try {
        reply = await limiter.ask({
          origin: name,
          cache: wish.cache,
          grant,
          ids: wish.ids,
          perSecond: origin.budget?.perSecond,
          concurrency: placesOf(origin),
          placeMs: timeoutMs + 5 * secondMs,
        });
      } catch (error) {
        awaySince ??= clock.elapsed();
        if (clock.elapsed() - awaySince >= patienceMs) return { kind: 'away', message: messageOf(error) };
        await clock.sleep(retryMs, wish.signal);
        continue;
      }
      awaySince = undefined;
      learn(origin, local, reply);
      const momentAt = local.moments.of(reply);
      if (reply.kind === 'granted') return { grant, reply, momentAt };
      if (reply.kind === 'stopped')
        return {
          kind: 'stopped',
          message: `background loads of origin ${name} are stopped (perSecond is 0)`,
        };
      const wake = reply.kind === 'full' ? AbortSignal.any([wish.signal, local.freed.signal]) : wish.signal;
      await clock.sleep(Math.min(longestWaitMs, reply.waitMs), wake);
    }
    return { kind: 'aborted', message: 'aborted' };
  };

  return {
    isUnlimited: (origin) => localOf(origin).reply.perSecond === undefined,
    isStrained: (origin) => localOf(origin).reply.factor < 1,
    places: (origin) => localOf(origin).reply.places,

    async take(origin, wish) {
      const local = localOf(origin);
      const startedAt = clock.elapsed();
      const free = await placeIn(local.gate, wish.signal);
      const answer = await ask(origin, local, wish);
      if ('kind' in answer) {
        free();
        return answer;
      }
      events.emit('budget:waited', { origin: origin.name, ms: clock.elapsed() - startedAt });
      return {
        kind: 'granted',
        ids: answer.reply.ids,
        async start() {
          return answer.reply.perSecond === undefined || local.moments.keep(answer.momentAt, wish.signal);
        },
        async done(told) {
          const report = (await hasEnded(told.left)) ? { ...told, left: undefined } : told;
          await settle(origin, local, { cache: wish.cache, ...answer }, report);
          const leave = () => {
            free();
            local.freed.abort('freed');
            local.freed = new AbortController();
          };
          if (report.left === undefined) return leave();
          const patience = clock.every(leftTimes * timeoutOf(origin), () => {
            patience.stop();
            leave();
          });
          void report.left.finally(() => {
            patience.stop();
            leave();
          });
        },
      };
    },

    set: (origin, limits) => limiter.set(origin, limits),

    async state(origin) {
      const { perSecond = origin.budget?.perSecond, ...state } = await limiter.state(origin.name);
      return {
        concurrency: placesOf(origin),
        ...state,
        ...(perSecond === undefined || perSecond === Number.POSITIVE_INFINITY ? {} : { perSecond }),
      };
    },
  };
}

/** Whether a load that was told to end has done so by now. */
const hasEnded = async (left: Promise<unknown> | undefined): Promise<boolean> =>
  left === undefined || Promise.race([left.then(() => true), nextTurn().then(() => false)]);

const timeoutOf = (origin: OriginDef): number =>
  durationMs(origin.timeout ?? defaults.origin.timeoutMs, `origins.${origin.name}.timeout`);

const placesOf = (origin: OriginDef): number => origin.budget?.concurrency ?? defaults.origin.concurrency;

/** Waits for a place of this process, or for the signal; call what it answers to give it back. */
const placeIn = (gate: LimitFunction, signal: AbortSignal): Promise<() => void> =>
  new Promise((got) => {
    const leave = () => got(() => {});
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    void gate(async () => {
      signal.removeEventListener('abort', leave);
      if (!signal.aborted) await new Promise<void>((free) => got(free));
    });
  });
