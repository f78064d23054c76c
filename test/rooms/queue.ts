import { afterEach } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openRedis } from '../../src/connect.ts';
import { createEmitter, type Events } from '../../src/events.ts';
import type { AnyJobDef } from '../../src/job.ts';
import { silentLog } from '../../src/log.ts';
import type { LinkOptions } from '../../src/queue/link.ts';
import { createProducer, type Producer } from '../../src/queue/producer.ts';
import { createWorkers, type Workers, type WorkersOptions } from '../../src/queue/workers.ts';

/** A worker under test and what it told. */
export interface Bench {
  readonly ended: Events['job:ended'][];
  readonly workers: Workers;
  outcomes(): string[];
}

/** Producers and workers on one queue Redis, closed after each test. */
export function queueBench(url: string) {
  const address = { url, from: 'the test' };
  const prefix = 'sv';
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const produce = (at = url, more: Pick<LinkOptions, 'onChange'> = {}): Producer => {
    const where = { url: at, from: 'the test' };
    const client = openRedis({ role: 'queue', ...where });
    const made = createProducer({ redis: client, address: where, prefix, clock: systemClock, ...more });
    closers.push(async () => {
      await made.close();
      client.disconnect();
    });
    return made;
  };

  const work = async (
    jobs: readonly AnyJobDef[],
    queue: Producer,
    options: Partial<WorkersOptions> = {},
  ): Promise<Bench> => {
    const events = createEmitter();
    const ended: Events['job:ended'][] = [];
    events.on('job:ended', (event) => ended.push(event));
    const workers = createWorkers({
      jobs,
      address,
      prefix,
      stuckAfterMs: 60_000,
      rooms: () => ({ from: {}, to: {} }),
      queue,
      clock: systemClock,
      log: silentLog,
      events,
      random: () => 0,
      ...options,
    });
    closers.push(() => workers.stop({ graceMs: 500 }));
    await workers.start();
    return { ended, workers, outcomes: () => ended.map(({ outcome }) => outcome) };
  };

  return {
    produce,
    work,
    address,
    prefix,
    later: (close: () => Promise<unknown>) => closers.push(close),
  };
}
