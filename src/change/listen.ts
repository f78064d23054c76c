import type { Clock } from '../clock.ts';
import type { Redis } from '../connect.ts';
import type { EventBatch, EventStream } from './redis.ts';

export interface ListenerOptions {
  readonly stream: EventStream;
  /** A connection that may be held up. */
  readonly open: () => Redis;
  readonly apply: (batch: EventBatch) => Promise<void>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

const waitMs = 2_000;
/** A connection that keeps its answer so much longer hears nothing. */
const deafMs = 10_000;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** Carries out what is published, until it is stopped. */
export function createListener({ stream, open, apply, clock, onError }: ListenerOptions): {
  stop(): Promise<void>;
} {
  const stopped = new AbortController();
  const on = open();

  /** Waits for a word; a connection that keeps its answer for too long is left for a new one. */
  const heard = async (on: Redis): Promise<void> => {
    const over = new AbortController();
    const end = () => over.abort();
    stopped.signal.addEventListener('abort', end, { once: true });
    const deaf = clock.sleep(deafMs, over.signal).then(() => {
      if (!over.signal.aborted) on.disconnect(true);
    });
    // A connection that broke is made anew; what came meanwhile is read.
    const answered = stream.wait(on, waitMs).catch(() => {});
    await Promise.race([answered, deaf]);
    end();
    stopped.signal.removeEventListener('abort', end);
  };

  const life = (async () => {
    let pauseMs = firstPauseMs;
    while (!stopped.signal.aborted) {
      try {
        const batch = await stream.read();
        if (batch !== undefined) {
          await apply(batch);
          await stream.done(batch);
        } else {
          await heard(on);
        }
        pauseMs = firstPauseMs;
      } catch (error) {
        onError(error);
        await clock.sleep(pauseMs, stopped.signal);
        pauseMs = Math.min(longestPauseMs, 2 * pauseMs);
      }
    }
  })();
  return {
    async stop() {
      stopped.abort();
      on.disconnect();
      await life;
    },
  };
}
