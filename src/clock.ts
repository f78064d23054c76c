import { performance } from 'node:perf_hooks';

/** Time, injected. The only place that reads the clock or sets a timer, so that tests can hold both. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that only go forward; for measuring how long something took. */
  elapsed(): number;
  /** Resolves after `ms`, or at once when the signal aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `task` every `ms` until stopped; a slow task is never run twice at once, a failed one goes to `onError`. */
  every(ms: number, task: () => void | Promise<void>, onError?: (error: unknown) => void): Timer;
  /** Calls `task` once after `ms` unless stopped. */
  after(ms: number, task: () => void): Timer;
}

export interface Timer {
  stop(): void;
}

/** Node's timers ring at once when they are set for longer: 24.8 days. */
const longestMs = 2 ** 31 - 1;

function alarm(ms: number, ring: () => void): Timer {
  if (ms <= longestMs) {
    const timer = setTimeout(ring, ms);
    return { stop: () => clearTimeout(timer) };
  }
  let next = alarm(longestMs, () => {
    next = alarm(ms - longestMs, ring);
  });
  return { stop: () => next.stop() };
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        timer.stop();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = alarm(ms, wake);
      signal?.addEventListener('abort', wake, { once: true });
    }),
  every: (ms, task, onError) => {
    let isBusy = false;
    const timer = setInterval(
      async () => {
        if (isBusy) return;
        isBusy = true;
        try {
          await task();
        } catch (error) {
          onError?.(error);
        } finally {
          isBusy = false;
        }
      },
      Math.min(ms, longestMs),
    );
    timer.unref();
    return { stop: () => clearInterval(timer) };
  },
  after: alarm,
};

/** Resolves when everything that is ready to run now has run. */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A limit of time; the signal and the promise of it are made when they are asked for. */
export interface Deadline {
  /** Aborts when the time is over, with what `over` rejects with. */
  readonly signal: AbortSignal;
  /** Rejects when the time is over. */
  readonly over: Promise<never>;
  /** Whether it is over, and this is why. */
  isReason(error: unknown): boolean;
  /** To be called when the work has ended, so that no timer outlives it. */
  done(): void;
}

/** Is over after `ms`, with the reason given by `reason`, or when `outer` aborts. */
export function deadline(clock: Clock, ms: number, reason: () => Error, outer?: AbortSignal): Deadline {
  let controller: AbortController | undefined;
  let over: Promise<never> | undefined;
  let fail: ((why: unknown) => void) | undefined;
  let ended: { readonly why: unknown } | undefined;
  const end = (why: unknown): void => {
    if (ended !== undefined) return;
    ended = { why };
    controller?.abort(why);
    fail?.(why);
  };
  const onOuter = () => end(outer!.reason);
  if (outer?.aborted) onOuter();
  else outer?.addEventListener('abort', onOuter, { once: true });
  const timer = clock.after(ms, () => end(reason()));
  return {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (ended !== undefined) controller.abort(ended.why);
      }
      return controller.signal;
    },
    get over() {
      over ??= new Promise<never>((_, reject) => {
        fail = reject;
        if (ended !== undefined) reject(ended.why);
      });
      return over;
    },
    isReason: (error) => ended !== undefined && ended.why === error,
    done() {
      timer.stop();
      outer?.removeEventListener('abort', onOuter);
    },
  };
}
