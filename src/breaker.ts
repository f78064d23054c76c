import type { Clock } from './clock.ts';

/** Opens when a server fails too often, so that nobody waits for it in vain; whoever probes it closes it again. */
export interface Breaker {
  readonly isOpen: boolean;
  /** A command was answered. */
  ok(): void;
  /** A command was not answered in time, or not as it should be. */
  failed(isLate: boolean): void;
  close(): void;
}

/** How many of the last outcomes are looked at, and how old they may be. */
const span = 20;
const spanMs = 10_000;
/** So many failures one after the other open it; so does half of all that are looked at. */
const inARow = 3;
const enough = 10;
/** Answers that are late together are one failure: when this process itself was busy, they all are. */
const togetherMs = 10;

export function createBreaker(clock: Clock, onChange: (isOpen: boolean) => void): Breaker {
  const failures = new Uint8Array(span);
  const at = new Float64Array(span).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  let row = 0;
  let lateAt = Number.NEGATIVE_INFINITY;
  let hasFailures = false;
  let isOpen = false;

  const note = (failure: 0 | 1) => {
    failures[next] = failure;
    at[next] = clock.elapsed();
    next = (next + 1) % span;
  };

  const isTooMany = (): boolean => {
    const since = clock.elapsed() - spanMs;
    let failed = 0;
    let all = 0;
    for (let i = 0; i < span; i++) {
      if (at[i]! < since) continue;
      all += 1;
      failed += failures[i]!;
    }
    return all >= enough && failed * 2 >= all;
  };

  return {
    get isOpen() {
      return isOpen;
    },
    ok() {
      // Nothing to weigh a success against, as nearly always.
      if (!hasFailures) return;
      row = 0;
      note(0);
    },
    failed(isLate) {
      if (isLate) {
        const now = clock.elapsed();
        if (now - lateAt < togetherMs) return;
        lateAt = now;
      }
      hasFailures = true;
      row += 1;
      note(1);
      if (isOpen || !(row >= inARow || isTooMany())) return;
      isOpen = true;
      onChange(true);
    },
    close() {
      at.fill(Number.NEGATIVE_INFINITY);
      row = 0;
      hasFailures = false;
      if (!isOpen) return;
      isOpen = false;
      onChange(false);
    },
  };
}
