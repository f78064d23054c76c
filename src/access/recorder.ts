import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Emitter } from '../events.ts';
import type { Recorder } from '../rooms.ts';
import { type AppendLog, accessesOf, bucketOf } from './bucket.ts';
import { addCaller, addFill, addKey, createTally, openCache, type Tally, take, untold } from './tally.ts';

export interface RecorderOptions {
  readonly log: AppendLog;
  readonly clock: Clock;
  readonly events: Emitter;
  readonly flushEveryMs: number;
  /** Most keys held between two flushes. */
  readonly maxKeys: number;
  /** Callers whose reads are demand. */
  readonly demand: readonly string[];
  /** Who reads when a read does not say. */
  readonly caller: string;
}

export interface RecorderStats {
  /** Keys and fills held now. */
  readonly held: number;
  /** Accesses dropped at the bound since the start. */
  readonly dropped: number;
  readonly sent: number;
  /** Times the log refused. */
  readonly failed: number;
}

export interface RunningRecorder extends Recorder {
  /** Sends what was counted until now. Never rejects: what the log refuses is kept for the next time. */
  flush(): Promise<void>;
  /** Sends the rest and ends; what the log refuses then is dropped, and told. */
  stop(): Promise<void>;
  readonly stats: RecorderStats;
}

/** Counts reads in memory, bounded, and sends the counts to the access log every `flushEveryMs`. */
export function createRecorder(options: RecorderOptions): RunningRecorder {
  const { log, clock, events, maxKeys } = options;
  const rules = { demand: new Set(options.demand), caller: options.caller };
  const from = randomUUID();
  const stats = { held: 0, dropped: 0, sent: 0, failed: 0 };
  let seq = 0;
  let droppedUntold = 0;
  let droppedUnsent = 0;
  let lostUntold = 0;
  // Oldest first: hours that could not be sent yet, and the present one.
  let tallies: Tally[] = [];
  let current = open();
  const before = new Set<() => void>();
  // May have arrived although the log reported a failure: sent again unchanged, so that the log can tell.
  let inDoubt: ReturnType<typeof take>;

  function open(): Tally {
    const tally = createTally(bucketOf(clock.now()));
    tallies.push(tally);
    return tally;
  }

  function count(
    name: string,
    key: string,
    caller: string | undefined,
    accesses: number,
    misses: number,
    plan: number,
    row: number,
  ) {
    const cache = current.caches.get(name) ?? openCache(current, name, rules);
    const by =
      caller === undefined ? cache.home : (cache.callers.get(caller) ?? addCaller(cache, caller, rules));
    by.accesses += accesses;
    by.misses += misses;
    if (!by.isDemand) return;
    let counter = cache.keys.get(key);
    if (counter === undefined) {
      if (stats.held >= maxKeys) {
        droppedUntold += accesses;
        return;
      }
      stats.held += 1;
      counter = addKey(cache, key);
    }
    counter.accesses += accesses;
    counter.misses += misses;
    if (plan === 0) return;
    // The entry was warmed again within one flush: both plans had a use of it.
    if (counter.plan !== 0 && counter.plan !== plan) cache.used.push([counter.plan, counter.row]);
    counter.plan = plan;
    counter.row = row;
  }

  /** Metrics are told at once, whatever becomes of the log. */
  function tell() {
    for (const tally of tallies) for (const event of untold(tally)) events.emit('access:flushed', event);
    if (droppedUntold > 0) events.emit('access:dropped', { accesses: droppedUntold, why: 'bound' });
    stats.dropped += droppedUntold;
    droppedUnsent += droppedUntold;
    droppedUntold = 0;
  }

  async function send(message: NonNullable<typeof inDoubt>): Promise<boolean> {
    inDoubt = message;
    try {
      const { lost } = await log.append(message);
      lostUntold += lost;
    } catch {
      // Counted here; the connection itself tells why.
      stats.failed += 1;
      return false;
    }
    inDoubt = undefined;
    stats.sent += 1;
    return true;
  }

  async function sendAll() {
    if (inDoubt && !(await send(inDoubt))) return;
    for (const tally of [...tallies]) {
      // Reads go on meanwhile: what they add beyond this waits for the next flush.
      let most = tally === current ? stats.held + 1 : Number.POSITIVE_INFINITY;
      while (most > 0) {
        const message = take(tally, { from, seq: seq + 1, dropped: droppedUnsent });
        if (message === undefined) break;
        seq += 1;
        droppedUnsent = 0;
        const held = message.caches.reduce((sum, { counts, fills }) => sum + counts.length + fills.length, 0);
        stats.held -= held;
        most -= Math.max(1, held);
        if (!(await send(message))) return;
      }
      if (tally !== current) tallies = tallies.filter((other) => other !== tally);
    }
  }

  async function flushNow() {
    for (const task of before) task();
    if (bucketOf(clock.now()) !== current.bucket) current = open();
    tell();
    await sendAll();
    if (lostUntold > 0) events.emit('access:dropped', { accesses: lostUntold, why: 'store' });
    lostUntold = 0;
  }

  let flushing = Promise.resolve();
  const flush = () => {
    flushing = flushing.then(flushNow);
    return flushing;
  };
  const timer = clock.every(options.flushEveryMs, flush);

  return {
    hit: (cache, key, caller, plan, row, accesses = 1) => count(cache, key, caller, accesses, 0, plan, row),
    miss: (cache, key, caller, accesses = 1) => count(cache, key, caller, accesses, accesses, 0, 0),
    beforeFlush(task) {
      before.add(task);
      return () => before.delete(task);
    },
    fill(fill) {
      const cache = current.caches.get(fill.cache) ?? openCache(current, fill.cache, rules);
      if (stats.held >= maxKeys && !cache.fills.has(fill.key)) return;
      if (addFill(cache, fill)) stats.held += 1;
    },
    flush,
    async stop() {
      timer.stop();
      await flush();
      const kept = inDoubt === undefined ? [] : [inDoubt];
      for (const tally of tallies) {
        for (
          let left = take(tally, { from, seq, dropped: 0 });
          left;
          left = take(tally, { from, seq, dropped: 0 })
        )
          kept.push(left);
      }
      const accesses = kept.reduce((sum, message) => sum + accessesOf(message), 0);
      if (accesses > 0) events.emit('access:dropped', { accesses, why: 'store' });
    },
    stats,
  };
}
