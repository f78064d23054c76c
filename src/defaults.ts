import { dayMs, hourMs, minuteMs, secondMs } from './duration.ts';

/** What an option is when nobody sets it. Lengths of time are milliseconds. */
export const defaults = {
  prefix: 'sv',
  commandTimeoutMs: 250,
  keptInvalidations: 10_000,
  access: {
    record: true,
    caller: 'user',
    demand: ['user', 'api'],
    flushEveryMs: 5 * secondMs,
    maxKeys: 100_000,
  },
  retention: { bucketsMs: 3 * dayMs, daysMs: 56 * dayMs, plansMs: 14 * dayMs },
  worker: { graceMs: 20 * secondMs, concurrency: {}, stuckAfterMs: 2 * minuteMs },
  http: { port: 7171, host: '127.0.0.1' },
  log: { level: 'info' },
  allowEvictingQueue: false,
  allowEvictingBuffer: false,
  origin: { concurrency: 4, timeoutMs: 10 * secondMs },
  cache: {
    graceMs: 0,
    backoffMs: 10 * secondMs,
    earlyRefresh: 1,
    jitter: 0.1,
    negativeMax: 10_000,
    batch: 500,
    maxValueBytes: 1_048_576,
  },
  writeBehind: {
    delayMs: secondMs,
    batch: 500,
    maxDirty: 100_000,
    maxDead: 10_000,
    whenFull: 'block',
    blockForMs: 5 * secondMs,
    acknowledge: 'buffer',
  },
  refreshAhead: { at: 0.8, refreshCost: 0.7, min: 0.1, max: 4 },
  warm: { top: 1_000, horizonMs: hourMs, maxTimeMs: 10 * minuteMs, memoryMark: 0.9, overlap: 'skip' },
  schedule: { timezone: 'UTC', catchUp: 'one', overlap: 'skip' },
  job: { attempts: 3, timeoutMs: 10 * minuteMs, concurrency: 1 },
} as const;
