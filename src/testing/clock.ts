import { type Clock, nextTurn } from '../clock.ts';

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Moves time on, running everything that falls due in order; what those tasks start at once has run too. */
  advance(ms: number): Promise<void>;
  /** Steps the wall clock, forward or back, without any time passing: no timer fires. */
  stepWall(ms: number): void;
  /** How many timers and sleeps are pending. */
  readonly pending: number;
}

interface Alarm {
  at: number;
  ring(): void;
}

/** A clock for tests. It starts at `startAt` (ms since the epoch; 2026-01-05 00:00 UTC, a Monday, unless told). */
export function fakeClock(startAt: number = Date.UTC(2026, 0, 5)): FakeClock {
  let elapsed = 0;
  let wallOffset = startAt;
  const alarms = new Set<Alarm>();

  const set = (ms: number, ring: () => void): { stop(): void } => {
    const alarm = { at: elapsed + Math.max(0, ms), ring };
    alarms.add(alarm);
    return { stop: () => void alarms.delete(alarm) };
  };

  const nextUntil = (until: number): Alarm | undefined => {
    let next: Alarm | undefined;
    for (const alarm of alarms) if (alarm.at <= until && (!next || alarm.at < next.at)) next = alarm;
    return next;
  };

  return {
    now: () => wallOffset + elapsed,
    elapsed: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const wake = () => {
          timer.stop();
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const timer = set(ms, wake);
        signal?.addEventListener('abort', wake, { once: true });
      }),
    after: (ms, task) => {
      const timer = set(ms, () => {
        timer.stop();
        task();
      });
      return timer;
    },
    every(ms, task, onError) {
      let isBusy = false;
      const run = async () => {
        if (isBusy) return;
        isBusy = true;
        try {
          await task();
        } catch (error) {
          onError?.(error);
        } finally {
          isBusy = false;
        }
      };
      const alarm: Alarm = {
        at: elapsed + Math.max(1, ms),
        ring() {
          // Set anew, so that alarms of the same instant take turns.
          alarms.delete(alarm);
          alarm.at += Math.max(1, ms);
          alarms.add(alarm);
          void run();
        },
      };
      alarms.add(alarm);
      return { stop: () => void alarms.delete(alarm) };
    },
    async advance(ms) {
      const until = elapsed + ms;
      await nextTurn();
      for (let alarm = nextUntil(until); alarm; alarm = nextUntil(until)) {
        elapsed = Math.max(elapsed, alarm.at);
        alarm.ring();
        await nextTurn();
      }
      elapsed = until;
    },
    stepWall: (ms) => {
      wallOffset += ms;
    },
    get pending() {
      return alarms.size;
    },
  };
}
