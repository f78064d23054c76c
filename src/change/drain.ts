import type { Clock, Timer } from '../clock.ts';
import type { Emitter } from '../events.ts';
import type { Change, Outbox } from './postgres.ts';

/** Keeps an outbox empty. */
export interface Drain {
  /** Somebody rang. */
  ring(): void;
  /** Resolves when what is in hand is done. */
  stop(): Promise<void>;
}

export interface DrainOptions {
  readonly outbox: Outbox;
  readonly apply: (changes: readonly Change[]) => Promise<void>;
  readonly clock: Clock;
  readonly events: Emitter;
  readonly onError: (error: unknown) => void;
}

/** Nobody rings for what a worker left that died, or when the doorbell is broken. */
const pollMs = 2_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** Carries out whatever comes in, as long as something does; then waits for the next ring. */
export function createDrain({ outbox, apply, clock, events, onError }: DrainOptions): Drain {
  const stopped = new AbortController();
  let isRung = false;
  let running: Promise<void> | undefined;
  let pauseMs = firstPauseMs;

  const empty = async (): Promise<void> => {
    while (isRung && !stopped.signal.aborted) {
      isRung = false;
      try {
        for (let rows = 1; rows > 0 && !stopped.signal.aborted; ) {
          const drained = await outbox.drain(apply);
          rows = drained.rows;
          if (rows > 0) events.emit('changes:applied', { rows, lagsMs: drained.lagsMs });
        }
        pauseMs = firstPauseMs;
      } catch (error) {
        // Redis or Postgres is away: what is not carried out is still in the outbox.
        onError(error);
        isRung = true;
        await clock.sleep(pauseMs, stopped.signal);
        pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
      }
    }
  };

  const ring = (): void => {
    isRung = true;
    running ??= empty().finally(() => {
      running = undefined;
      // Rung between the last look and this.
      if (isRung && !stopped.signal.aborted) ring();
    });
  };

  const poll: Timer = clock.every(pollMs, ring);
  return {
    ring,
    async stop() {
      poll.stop();
      stopped.abort();
      await running;
    },
  };
}
