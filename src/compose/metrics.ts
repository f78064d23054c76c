import { createMetrics, type Metrics } from '../metrics/metrics.ts';
import type { Cron } from '../queue/schedules.ts';
import type { Ground } from './ground.ts';

/** The metrics of this process, made when they are first asked for: its events are counted from then on. */
export function lazyMetrics(ground: Ground, cron: Cron): { open(): Metrics; close(): void } {
  const { config, caches, log, events, producer, dirty } = ground;
  let made: Metrics | undefined;
  return {
    open() {
      made ??= createMetrics({
        events,
        caches: config.caches.map((def) => ({ name: def.name, stats: () => caches.open(def).stats() })),
        queues: {
          names: config.jobs.map((job) => job.name),
          counts: (job) => producer.counts(job),
          oldestMs: (job) => producer.oldestMs(job),
        },
        schedules: () => cron.list(1),
        dirty: dirty && {
          caches: config.caches.filter((def) => def.writeBehind !== undefined).map(({ name }) => name),
          ledger: (cache) => dirty.ledger(cache),
        },
        onError: (what, error) => log.warn({ what, err: error }, 'a metric could not be collected'),
      });
      return made;
    },
    close() {
      made?.close();
    },
  };
}
