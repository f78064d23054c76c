export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds in the metric's unit. */
  readonly buckets?: readonly number[];
}

const fast = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const slow = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600];

/** Every metric of ours, by name. `docs/metrics.md` is held to this list by a test. A key is never a label. */
export const metricDefinitions = {
  samovar_build_info: {
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; its labels tell what runs.',
  },
  samovar_cache_gets_total: {
    type: 'counter',
    labels: ['cache', 'result', 'caller'],
    help: 'Reads counted by this process; result is hit or miss, caller who read.',
  },
  samovar_cache_reads: {
    type: 'gauge',
    labels: ['cache', 'tier', 'result'],
    help: 'Reads of this process since it began, by who answered: memory (hit) or redis (hit, stale, negative or miss).',
  },
  samovar_memory_bytes: {
    type: 'gauge',
    labels: ['cache'],
    help: 'About what the values take that this process keeps in memory.',
  },
  samovar_memory_entries: {
    type: 'gauge',
    labels: ['cache'],
    help: 'How many values this process keeps in memory.',
  },
  samovar_fallbacks_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Reads that were answered with the fallback of their cache, because their load failed.',
  },
  samovar_loads_total: {
    type: 'counter',
    labels: ['cache', 'reason', 'outcome'],
    help: 'Calls of a loader; reason is miss, warm or refresh, outcome ok, failed or timeout.',
  },
  samovar_loaded_ids_total: {
    type: 'counter',
    labels: ['cache', 'reason'],
    help: 'Ids asked of a loader.',
  },
  samovar_load_seconds: {
    type: 'histogram',
    labels: ['cache', 'reason'],
    help: 'How long one call of a loader took.',
    buckets: fast,
  },
  samovar_refresh_keys_total: {
    type: 'counter',
    labels: ['cache', 'result'],
    help: 'Keys that were due, by result: refreshed (unchanged: of these, those with the same value), stillCurrent, fresh, gone, unworthy, failed or budget.',
  },
  samovar_refresh_used_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Refreshed entries that were read before they ended.',
  },
  samovar_refresh_unused_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Refreshed entries that nobody read before they ended.',
  },
  samovar_due_dropped_total: {
    type: 'counter',
    labels: ['cache', 'why'],
    help: 'Keys that the due index did not take and that simply expire: a list was full (bound) or Redis away (store).',
  },
  samovar_warm_runs_total: {
    type: 'counter',
    labels: ['cache', 'result'],
    help: 'Warm runs that ended; result is done, partial, failed or cancelled.',
  },
  samovar_warm_keys_total: {
    type: 'counter',
    labels: ['cache', 'result'],
    help: 'Keys of warm runs by result: written, fresh, busy, missing, failed, budget or lost.',
  },
  samovar_warm_bytes_total: { type: 'counter', labels: ['cache'], help: 'Bytes that warm runs wrote.' },
  samovar_warm_used_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Warmed entries that were read before they expired.',
  },
  samovar_warm_unused_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Warmed entries that nobody read before they expired.',
  },
  samovar_plan_precision_ratio: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Share of the keys that the plan scored last warmed which were read in its hours.',
  },
  samovar_plan_recall_ratio: {
    type: 'gauge',
    labels: ['cache'],
    help: 'What that plan had read, of what perfect foresight would have with as many keys.',
  },
  samovar_plan_misses_saved_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Warmed entries of scored plans that were read before they expired: each spared a reader a miss.',
  },
  samovar_plan_extra_loads_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Loads of scored plans that spared nobody a miss.',
  },
  samovar_budget_wait_seconds: {
    type: 'histogram',
    labels: ['origin'],
    help: 'How long background work waited for a grant of the budget of an origin.',
    buckets: fast,
  },
  samovar_budget_factor: {
    type: 'gauge',
    labels: ['origin'],
    help: 'Share of the budget in use: 1 when the origin is well, less when it was slow or failed.',
  },
  samovar_entries_refused_total: {
    type: 'counter',
    labels: ['cache', 'why'],
    help: 'Values that did not become, or no longer count as, an entry: lost, too-big, corrupt, version, schema, encode, negative-max, held-off, store, or waited for too long.',
  },
  samovar_invalidated_keys_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Keys removed by invalidation; cache is empty where tags reach across caches.',
  },
  samovar_invalidated_tags_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Tags invalidated; cache is empty where they reach across caches.',
  },
  samovar_invalidations_waiting: {
    type: 'gauge',
    labels: [],
    help: 'Invalidations that Redis did not accept and that this process carries out when it is back.',
  },
  samovar_invalidations_replayed_total: {
    type: 'counter',
    labels: ['what'],
    help: 'Invalidations carried out after Redis was away; what is keys, tags or caches.',
  },
  samovar_change_lag_seconds: {
    type: 'histogram',
    labels: [],
    help: 'From the commit of a change until what it invalidates was gone (from its writing, unless track_commit_timestamp is on).',
    buckets: fast,
  },
  samovar_access_dropped_total: {
    type: 'counter',
    labels: ['why'],
    help: 'Reads that were not counted: the memory bound was reached (bound) or the log was away (store).',
  },
  samovar_dirty_keys: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Buffered writes that wait for their origin.',
  },
  samovar_dirty_lag_seconds: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Age of the buffered write that has waited longest; 0 when none waits.',
  },
  samovar_dirty_dead_letters: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Writes that the origin refused and nobody has decided about.',
  },
  samovar_dirty_writes: {
    type: 'gauge',
    labels: ['cache', 'state'],
    help: 'Writes since the buffer was made, by state: accepted, coalesced, flushed or dropped.',
  },
  samovar_dirty_difference: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Accepted writes that are in no other state: anything but 0 is a fault, or a hand in Redis.',
  },
  samovar_flush_rows_total: {
    type: 'counter',
    labels: ['cache', 'result'],
    help: 'Rows that this process flushed: applied, superseded (the origin had them, or newer ones), overtaken (changed meanwhile, still dirty) or dead.',
  },
  samovar_flush_conflicts_total: {
    type: 'counter',
    labels: ['cache'],
    help: 'Rows of which the origin had a later version than the buffer: anything but 0 says that the Redis of the buffer lost its newest writes.',
  },
  samovar_flush_seconds: {
    type: 'histogram',
    labels: ['cache'],
    help: 'How long one pass over the dirty writes of a cache took.',
    buckets: slow,
  },
  samovar_flush_failures_total: {
    type: 'counter',
    labels: ['cache', 'why'],
    help: 'Flushes that ended early: failed (tried again), paused (a table or right is missing), fenced (another process flushes), dead-full, unsearched (too many rows are refused for the database to be asked about each; those of their partitions wait) or unreadable (entries of another version of Samovar, which are passed over).',
  },
  samovar_flush_paused: {
    type: 'gauge',
    labels: ['cache'],
    help: 'Whether nothing is flushed because a table or right is missing: 1 while it is so.',
  },
  samovar_writes_held_total: {
    type: 'counter',
    labels: ['cache', 'how'],
    help: 'Times a writer of this process met a full buffer; how is block, reject or write-through.',
  },
  samovar_buffer_safe: {
    type: 'gauge',
    labels: [],
    help: 'Whether the server of the buffer can keep what it acknowledges; while it is 0, no write is taken.',
  },
  samovar_jobs_total: {
    type: 'counter',
    labels: ['job', 'outcome'],
    help: 'Tries of jobs by outcome: done, snooze, cancel, retry, failed, handed-back or lost.',
  },
  samovar_job_seconds: {
    type: 'histogram',
    labels: ['job'],
    help: 'How long one try of a job took.',
    buckets: slow,
  },
  samovar_history_failures_total: {
    type: 'counter',
    labels: ['job'],
    help: 'Tries of jobs that could not be written to the history.',
  },
  samovar_queue_jobs: {
    type: 'gauge',
    labels: ['queue', 'state'],
    help: 'Jobs in a queue: waiting, active, delayed, failed or completed (the last two as far as they are kept).',
  },
  samovar_queue_oldest_seconds: {
    type: 'gauge',
    labels: ['queue'],
    help: 'Age of the job that has waited longest; 0 when none waits.',
  },
  samovar_schedule_ticks_total: {
    type: 'counter',
    labels: ['schedule', 'late'],
    help: 'Slots that this process enqueued for the fleet; late is true for those caught up.',
  },
  samovar_schedule_skips_total: {
    type: 'counter',
    labels: ['schedule', 'why'],
    help: 'Slots that were skipped: the one before still ran (overlap), or the schedule is paused.',
  },
  samovar_schedule_last_timestamp_seconds: {
    type: 'gauge',
    labels: ['schedule'],
    help: 'The newest slot that the fleet dealt with.',
  },
  samovar_schedule_next_timestamp_seconds: {
    type: 'gauge',
    labels: ['schedule'],
    help: 'The next slot; absent while the schedule is paused.',
  },
  samovar_store_away: {
    type: 'gauge',
    labels: ['role'],
    help: 'Whether a Redis is not asked but for a probe now and then, because it failed: 1 while it is so.',
  },
  samovar_store_failures_total: {
    type: 'counter',
    labels: ['role'],
    help: 'Times a Redis of a role (cache, queue or buffer) failed.',
  },
  samovar_collect_failures_total: {
    type: 'counter',
    labels: ['what'],
    help: 'Times a gauge could not be read while metrics were collected.',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricDefinitions;
