import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DirtyLedger } from '../dirty-shapes.ts';
import type { Emitter } from '../events.ts';
import type { CacheStats } from '../facade.ts';
import { packageVersion } from '../files.ts';
import { type MetricDefinition, type MetricName, metricDefinitions } from './definitions.ts';

/** What the queues look like from outside. */
export interface QueueSight {
  readonly names: readonly string[];
  counts(queue: string): Promise<Readonly<Record<string, number>>>;
  /** Age of the job that has waited longest, if one waits. */
  oldestMs(queue: string): Promise<number | undefined>;
}

export interface ScheduleSight {
  readonly name: string;
  readonly isPaused: boolean;
  readonly lastSlot?: number;
  readonly next: readonly number[];
}

/** What the buffers of dirty writes look like from outside. */
export interface DirtySight {
  readonly caches: readonly string[];
  ledger(cache: string): Promise<DirtyLedger>;
}

/** What one cache has counted in this process. */
export interface CacheSight {
  readonly name: string;
  stats(): Pick<CacheStats, 'tiers'>;
}

export interface MetricsOptions {
  readonly events: Pick<Emitter, 'on'>;
  readonly queues?: QueueSight;
  readonly dirty?: DirtySight | undefined;
  readonly caches?: readonly CacheSight[];
  /** All schedules with at least their next slot. */
  readonly schedules?: () => Promise<readonly ScheduleSight[]>;
  /** Told when a gauge cannot be read; the other metrics are served all the same. */
  readonly onError?: (what: string, error: unknown) => void;
  /** Memory, CPU and event loop of the process. @default true */
  readonly process?: boolean;
}

export interface Metrics {
  readonly contentType: string;
  /** The exposition text. Never rejects for a server that is away. */
  text(): Promise<string>;
  /** Listens no more. */
  close(): void;
}

type Labels<Name extends MetricName> = Record<(typeof metricDefinitions)[Name]['labels'][number], string>;

/** The metrics of one process, fed by its events and, when they are collected, by the queues and schedules. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  const collectors: Partial<Record<MetricName, () => Promise<void>>> = {};

  for (const [name, definition] of Object.entries<MetricDefinition>(metricDefinitions)) {
    const shape = {
      name,
      help: definition.help,
      labelNames: [...definition.labels],
      registers: [registry],
    };
    if (definition.type === 'counter') counters.set(name, new Counter(shape));
    else if (definition.type === 'histogram')
      histograms.set(name, new Histogram({ ...shape, buckets: [...(definition.buckets ?? [])] }));
    else gauges.set(name, new Gauge({ ...shape, collect: () => collectors[name as MetricName]?.() }));
  }
  if (options.process ?? true) collectDefaultMetrics({ register: registry });

  const add = <Name extends MetricName>(name: Name, labels: Labels<Name>, by = 1): void => {
    if (by > 0) counters.get(name)!.inc(labels, by);
  };
  const set = <Name extends MetricName>(name: Name, labels: Labels<Name>, value: number): void =>
    gauges.get(name)!.set(labels, value);
  const time = <Name extends MetricName>(name: Name, labels: Labels<Name>, ms: number): void =>
    histograms.get(name)!.observe(labels, ms / 1_000);

  /** Fills a gauge anew at every collection: what is gone disappears, and a failure leaves it empty. */
  const collect = (name: MetricName, fill: () => Promise<void>): void => {
    collectors[name] = async () => {
      gauges.get(name)!.reset();
      try {
        await fill();
      } catch (error) {
        gauges.get(name)!.reset();
        add('samovar_collect_failures_total', { what: name });
        options.onError?.(name, error);
      }
    };
  };

  set('samovar_build_info', { version: packageVersion, node: process.versions.node }, 1);
  set('samovar_buffer_safe', {}, 1);
  for (const role of ['cache', 'queue']) set('samovar_store_away', { role }, 0);
  set('samovar_invalidations_waiting', {}, 0);
  const { queues, schedules, dirty, caches = [] } = options;
  collect('samovar_cache_reads', async () => {
    for (const { name: cache, stats } of caches) {
      const { memory, redis } = stats().tiers;
      if (memory) set('samovar_cache_reads', { cache, tier: 'memory', result: 'hit' }, memory.hits);
      for (const [many, result] of readResults)
        set('samovar_cache_reads', { cache, tier: 'redis', result }, redis[many]);
    }
  });
  for (const [name, what] of [
    ['samovar_memory_bytes', 'bytes'],
    ['samovar_memory_entries', 'entries'],
  ] as const)
    collect(name, async () => {
      for (const { name: cache, stats } of caches) {
        const { memory } = stats().tiers;
        if (memory) set(name, { cache }, memory[what]);
      }
    });
  if (dirty) {
    const gauge = (name: DirtyGauge, of: (ledger: DirtyLedger) => number) =>
      collect(name, async () => {
        for (const cache of dirty.caches) set(name, { cache }, of(await dirty.ledger(cache)));
      });
    gauge('samovar_dirty_keys', ({ pending }) => pending);
    gauge('samovar_dirty_lag_seconds', ({ lagMs }) => lagMs / 1_000);
    gauge('samovar_dirty_dead_letters', ({ dead }) => dead);
    gauge('samovar_dirty_difference', ({ difference }) => difference);
    collect('samovar_dirty_writes', async () => {
      for (const cache of dirty.caches) {
        const ledger = await dirty.ledger(cache);
        for (const state of ['accepted', 'coalesced', 'flushed', 'dropped'] as const)
          set('samovar_dirty_writes', { cache, state }, ledger[state]);
      }
    });
  }
  if (queues) {
    collect('samovar_queue_jobs', async () => {
      for (const queue of queues.names) {
        for (const [state, jobs] of Object.entries(await queues.counts(queue)))
          set('samovar_queue_jobs', { queue, state }, jobs);
      }
    });
    collect('samovar_queue_oldest_seconds', async () => {
      for (const queue of queues.names)
        set('samovar_queue_oldest_seconds', { queue }, ((await queues.oldestMs(queue)) ?? 0) / 1_000);
    });
  }
  if (schedules) {
    collect('samovar_schedule_last_timestamp_seconds', async () => {
      for (const { name: schedule, lastSlot } of await schedules())
        if (lastSlot !== undefined)
          set('samovar_schedule_last_timestamp_seconds', { schedule }, lastSlot / 1_000);
    });
    collect('samovar_schedule_next_timestamp_seconds', async () => {
      for (const { name: schedule, next, isPaused } of await schedules())
        if (!isPaused && next[0] !== undefined)
          set('samovar_schedule_next_timestamp_seconds', { schedule }, next[0] / 1_000);
    });
  }

  const stops = listen(options.events, { add, set, time });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    close() {
      for (const stop of stops) stop();
      registry.clear();
    },
  };
}

type DirtyGauge =
  | 'samovar_dirty_keys'
  | 'samovar_dirty_lag_seconds'
  | 'samovar_dirty_dead_letters'
  | 'samovar_dirty_difference';

interface Instruments {
  add<Name extends MetricName>(name: Name, labels: Labels<Name>, by?: number): void;
  set<Name extends MetricName>(name: Name, labels: Labels<Name>, value: number): void;
  time<Name extends MetricName>(name: Name, labels: Labels<Name>, ms: number): void;
}

const readResults = [
  ['hits', 'hit'],
  ['stale', 'stale'],
  ['negatives', 'negative'],
  ['misses', 'miss'],
] as const;

const ended: ReadonlySet<string> = new Set(['done', 'partial', 'failed', 'cancelled']);

function listen({ on }: Pick<Emitter, 'on'>, { add, set, time }: Instruments): (() => void)[] {
  return [
    on('access:flushed', ({ cache, caller, accesses, misses }) => {
      add('samovar_cache_gets_total', { cache, caller, result: 'hit' }, accesses - misses);
      add('samovar_cache_gets_total', { cache, caller, result: 'miss' }, misses);
    }),
    on('access:dropped', ({ accesses, why }) => add('samovar_access_dropped_total', { why }, accesses)),
    on('load:settled', ({ cache, reason, ids, ms, outcome }) => {
      add('samovar_loads_total', { cache, reason, outcome });
      add('samovar_loaded_ids_total', { cache, reason }, ids);
      time('samovar_load_seconds', { cache, reason }, ms);
    }),
    on('fill:settled', ({ cache, reason, report }) => {
      if (reason !== 'warm') return;
      const results = new Map<string, number>();
      for (const result of report.results) results.set(result, (results.get(result) ?? 0) + 1);
      // What was not reached is claimed again, and counted then.
      for (const [result, keys] of results)
        if (result !== 'planned') add('samovar_warm_keys_total', { cache, result }, keys);
      add('samovar_warm_bytes_total', { cache }, report.bytes);
    }),
    on('refresh:settled', ({ cache, results }) => {
      for (const [result, keys] of Object.entries(results))
        add('samovar_refresh_keys_total', { cache, result }, keys);
    }),
    on('due:dropped', ({ cache, keys, why }) => add('samovar_due_dropped_total', { cache, why }, keys)),
    on('run:changed', ({ cache, state }) => {
      if (ended.has(state)) add('samovar_warm_runs_total', { cache, result: state });
    }),
    on('warm:used', ({ cache, entries }) => add('samovar_warm_used_total', { cache }, entries)),
    on('plan:scored', ({ cache, used, extraLoads, precision, recall }) => {
      add('samovar_plan_misses_saved_total', { cache }, used);
      add('samovar_plan_extra_loads_total', { cache }, extraLoads);
      if (precision !== undefined) set('samovar_plan_precision_ratio', { cache }, precision);
      if (recall !== undefined) set('samovar_plan_recall_ratio', { cache }, recall);
    }),
    on('warm:unused', ({ cache, entries }) => add('samovar_warm_unused_total', { cache }, entries)),
    on('refresh:used', ({ cache, entries }) => add('samovar_refresh_used_total', { cache }, entries)),
    on('refresh:unused', ({ cache, entries }) => add('samovar_refresh_unused_total', { cache }, entries)),
    on('budget:waited', ({ origin, ms }) => time('samovar_budget_wait_seconds', { origin }, ms)),
    on('budget:changed', ({ origin, factor }) => set('samovar_budget_factor', { origin }, factor)),
    on('entry:refused', ({ cache, why }) => add('samovar_entries_refused_total', { cache, why })),
    on('cache:invalidated', ({ cache = '', keys, tags }) => {
      add('samovar_invalidated_keys_total', { cache }, keys);
      add('samovar_invalidated_tags_total', { cache }, tags);
    }),
    on('changes:applied', ({ lagsMs }) => {
      for (const ms of lagsMs) time('samovar_change_lag_seconds', {}, ms);
    }),
    on('flush:wrote', ({ cache, rows, applied, overtaken }) => {
      add('samovar_flush_rows_total', { cache, result: 'applied' }, applied);
      add('samovar_flush_rows_total', { cache, result: 'superseded' }, rows - applied);
      add('samovar_flush_rows_total', { cache, result: 'overtaken' }, overtaken);
    }),
    on('flush:dead', ({ cache }) => add('samovar_flush_rows_total', { cache, result: 'dead' })),
    on('flush:settled', ({ cache, ms }) => time('samovar_flush_seconds', { cache }, ms)),
    on('flush:failed', ({ cache }) => add('samovar_flush_failures_total', { cache, why: 'failed' })),
    on('flush:fenced', ({ cache }) => add('samovar_flush_failures_total', { cache, why: 'fenced' })),
    on('flush:dead-full', ({ cache }) => add('samovar_flush_failures_total', { cache, why: 'dead-full' })),
    on('flush:unsearched', ({ cache }) => add('samovar_flush_failures_total', { cache, why: 'unsearched' })),
    on('flush:unreadable', ({ cache }) => add('samovar_flush_failures_total', { cache, why: 'unreadable' })),
    on('flush:conflict', ({ cache, rows }) => add('samovar_flush_conflicts_total', { cache }, rows)),
    on('flush:paused', ({ cache }) => {
      add('samovar_flush_failures_total', { cache, why: 'paused' });
      set('samovar_flush_paused', { cache }, 1);
    }),
    on('flush:resumed', ({ cache }) => set('samovar_flush_paused', { cache }, 0)),
    on('write:held', ({ cache, how }) => add('samovar_writes_held_total', { cache, how })),
    on('buffer:changed', ({ isSafe }) => set('samovar_buffer_safe', {}, isSafe ? 1 : 0)),
    on('job:ended', ({ job, outcome, ms }) => {
      add('samovar_jobs_total', { job, outcome });
      time('samovar_job_seconds', { job }, ms);
    }),
    on('history:failed', ({ job }) => add('samovar_history_failures_total', { job })),
    on('schedule:ticked', ({ schedule, late }) =>
      add('samovar_schedule_ticks_total', { schedule, late: String(late) }),
    ),
    on('schedule:skipped', ({ schedule, why }) => add('samovar_schedule_skips_total', { schedule, why })),
    on('store:changed', ({ role, isAway }) => set('samovar_store_away', { role }, isAway ? 1 : 0)),
    on('invalidation:kept', ({ waiting }) => set('samovar_invalidations_waiting', {}, waiting)),
    on('invalidation:replayed', ({ keys, tags, caches }) => {
      set('samovar_invalidations_waiting', {}, 0);
      add('samovar_invalidations_replayed_total', { what: 'keys' }, keys);
      add('samovar_invalidations_replayed_total', { what: 'tags' }, tags);
      add('samovar_invalidations_replayed_total', { what: 'caches' }, caches);
    }),
    on('read:failed', ({ cache }) => add('samovar_fallbacks_total', { cache })),
    on('store:failed', ({ role }) => add('samovar_store_failures_total', { role })),
  ];
}
