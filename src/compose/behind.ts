import { deadline, type Timer } from '../clock.ts';
import { minuteMs } from '../duration.ts';
import { messageOf } from '../errors.ts';
import { definitionOf } from './configured.ts';
import type { Database } from './database.ts';
import { tickMsOf } from './flushers.ts';
import type { Ground } from './ground.ts';

/** Failures in a row, of which the later ones are some seconds apart. */
const alarmEvery = 20;
/** What is left to do of a shutdown when flushing must end. */
const closingMs = 200;

/**
 * Looks for due writes in this process, whether or not a job is worked. Throws E_BUFFER before anything starts where the
 * buffer cannot keep what it acknowledges.
 */
export async function startBehind(
  { config, clock, log, events, dirty }: Ground,
  { flushers, dirtyRecords }: Database,
): Promise<{ stop(graceMs: number): Promise<void> }> {
  if (dirty === undefined || flushers.size === 0) return { async stop() {} };
  const facts = await dirty.check();
  await dirtyRecords.check(config.prefix, dirty.partitions);
  if (facts.appendOnly === false)
    log.warn('the buffer Redis keeps no append-only file: a crash of it loses writes that were acknowledged');
  if (facts.policy === undefined)
    log.warn('the buffer Redis does not tell its eviction policy: it must not evict what has no ttl');
  const known = new Map<string, number>();
  const quietUntil = new Map<string, number>();
  const rests = (cache: string, reason: string) => {
    const now = clock.elapsed();
    if (now < (quietUntil.get(cache) ?? 0)) return;
    quietUntil.set(cache, now + minuteMs);
    log.warn({ cache, reason }, 'writes beside refused ones wait; see: samovar dlq list');
  };
  const stops = [
    events.on('flush:paused', ({ cache, code, message }) =>
      log.error({ cache, code, reason: message }, 'writes cannot be flushed until their table is mended'),
    ),
    // At first, and again when it goes on for minutes.
    events.on('flush:failed', ({ cache, code, message, times }) => {
      if (times === 1) log.warn({ cache, code, reason: message }, 'a flush failed; it is tried again');
      else if (times % alarmEvery === 0)
        log.error({ cache, code, reason: message, times }, 'flushes fail; writes wait in the buffer');
    }),
    events.on('flush:conflict', ({ cache, rows }) =>
      log.warn({ cache, rows }, 'the origin had later versions than the buffer: its Redis lost writes'),
    ),
    events.on('flush:unreadable', ({ cache, rows }) => {
      if (known.get(cache) === rows) return;
      known.set(cache, rows);
      log.warn({ cache, rows }, 'writes of another version of Samovar are passed over, and stay dirty');
    }),
    events.on('flush:unsearched', ({ cache }) =>
      rests(cache, 'the origin refuses more rows than can be looked for'),
    ),
    events.on('flush:dead-full', ({ cache }) => rests(cache, 'there is no room for more dead letters')),
    events.on('flush:resumed', ({ cache }) => log.info({ cache }, 'writes are flushed again')),
    events.on('flush:dead', ({ cache, code }) =>
      log.warn({ cache, code }, 'a write was refused by the origin'),
    ),
  ];
  const ticks: Timer[] = Array.from(flushers, ([cache, flusher]) =>
    clock.every(
      tickMsOf(definitionOf(config, cache), dirty),
      async () => void (await flusher.flush()),
      (error) => log.warn({ cache, reason: messageOf(error) }, 'a flush failed'),
    ),
  );
  return {
    async stop(graceMs) {
      for (const tick of ticks) tick.stop();
      const limit = deadline(clock, Math.max(0, graceMs - closingMs), () => new Error('the grace is over'));
      try {
        const all = Promise.all(
          Array.from(flushers.values(), (each) => each.flush({ isForced: true, signal: limit.signal })),
        );
        await Promise.race([
          all,
          new Promise<void>((resolve) => {
            if (limit.signal.aborted) resolve();
            else limit.signal.addEventListener('abort', () => resolve(), { once: true });
          }),
        ]);
      } finally {
        limit.done();
      }
      // What is not flushed stays where it is, for whoever comes next.
      const closed = Promise.all(Array.from(flushers.values(), (each) => each.close())).catch(
        (error: unknown) =>
          log.warn({ reason: messageOf(error) }, 'partitions were not given back; others get them soon'),
      );
      await Promise.race([closed, clock.sleep(closingMs)]);
      for (const stop of stops) stop();
    },
  };
}
