import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { createEmitter } from '../../../src/events.ts';
import { packageVersion } from '../../../src/files.ts';
import { type MetricDefinition, metricDefinitions } from '../../../src/metrics/definitions.ts';
import { createMetrics, type MetricsOptions } from '../../../src/metrics/metrics.ts';
import { parseExposition } from './exposition.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const start = (options: Omit<MetricsOptions, 'events'> = {}) => {
  const events = createEmitter((error) => {
    throw error;
  });
  const metrics = createMetrics({ events, process: false, ...options });
  closers.push(() => metrics.close());
  const value = async (series: string) => parseExposition(await metrics.text()).samples.get(series);
  return { events, metrics, value };
};

describe('the metrics of a process', () => {
  test('are all there from the start, each with its help and type', async () => {
    const { metrics } = start();
    const { types, helps } = parseExposition(await metrics.text());
    for (const [name, definition] of Object.entries(metricDefinitions)) {
      expect(types.get(name)).toBe(definition.type);
      expect(helps.get(name)).toBe(definition.help);
    }
    expect(types.size).toBe(Object.keys(metricDefinitions).length);
    expect(metrics.contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });

  test('count what events tell', async () => {
    const { events, value } = start();
    events.emit('access:flushed', { cache: 'p', caller: 'api', accesses: 10, misses: 3 });
    events.emit('access:flushed', { cache: 'p', caller: 'api', accesses: 5, misses: 0 });
    events.emit('access:dropped', { accesses: 4, why: 'bound' });
    events.emit('load:settled', { cache: 'p', reason: 'warm', ids: 500, ms: 40, outcome: 'ok' });
    events.emit('load:settled', { cache: 'p', reason: 'miss', ids: 1, ms: 3, outcome: 'timeout' });
    events.emit('fill:settled', {
      cache: 'p',
      reason: 'warm',
      report: {
        results: ['written', 'written', 'fresh', 'planned'],
        bytes: 2_048,
        loadMs: 1,
        waitMs: 1,
        fills: [],
      },
    });
    events.emit('fill:settled', {
      cache: 'p',
      reason: 'refresh',
      report: { results: ['written'], bytes: 9_999, loadMs: 1, waitMs: 1, fills: [] },
    });
    events.emit('run:changed', { cache: 'p', run: 1, state: 'running' });
    events.emit('run:changed', { cache: 'p', run: 1, state: 'done' });
    events.emit('warm:used', { cache: 'p', entries: 7 });
    events.emit('warm:unused', { cache: 'p', entries: 2 });
    events.emit('plan:scored', { cache: 'p', used: 6, extraLoads: 4, precision: 0.6, recall: 0.5 });
    events.emit('plan:scored', { cache: 'p', used: 1, extraLoads: 0 });
    expect(await value('samovar_plan_misses_saved_total{cache="p"}')).toBe(7);
    expect(await value('samovar_plan_extra_loads_total{cache="p"}')).toBe(4);
    expect(await value('samovar_plan_recall_ratio{cache="p"}')).toBe(0.5);
    events.emit('budget:waited', { origin: 'db', ms: 250 });
    events.emit('budget:changed', { origin: 'db', factor: 0.5 });
    events.emit('entry:refused', { cache: 'p', why: 'too-big' });
    events.emit('cache:invalidated', { cache: 'p', keys: 3, tags: 0 });
    events.emit('cache:invalidated', { cache: undefined, keys: 0, tags: 2 });
    events.emit('job:ended', { job: 'warm', outcome: 'handed-back', ms: 1_500 });
    events.emit('history:failed', { job: 'warm' });
    events.emit('schedule:ticked', { schedule: 'often', late: true });
    events.emit('schedule:skipped', { schedule: 'often', why: 'overlap' });
    events.emit('store:failed', { role: 'cache', message: 'redis://secret' });
    expect({
      hits: await value('samovar_cache_gets_total{cache="p",caller="api",result="hit"}'),
      misses: await value('samovar_cache_gets_total{cache="p",caller="api",result="miss"}'),
      dropped: await value('samovar_access_dropped_total{why="bound"}'),
      loads: await value('samovar_loads_total{cache="p",reason="warm",outcome="ok"}'),
      timeouts: await value('samovar_loads_total{cache="p",reason="miss",outcome="timeout"}'),
      ids: await value('samovar_loaded_ids_total{cache="p",reason="warm"}'),
      loadSum: await value('samovar_load_seconds_sum{cache="p",reason="warm"}'),
      written: await value('samovar_warm_keys_total{cache="p",result="written"}'),
      fresh: await value('samovar_warm_keys_total{cache="p",result="fresh"}'),
      planned: await value('samovar_warm_keys_total{cache="p",result="planned"}'),
      bytes: await value('samovar_warm_bytes_total{cache="p"}'),
      runs: await value('samovar_warm_runs_total{cache="p",result="done"}'),
      running: await value('samovar_warm_runs_total{cache="p",result="running"}'),
      used: await value('samovar_warm_used_total{cache="p"}'),
      unused: await value('samovar_warm_unused_total{cache="p"}'),
      waited: await value('samovar_budget_wait_seconds_sum{origin="db"}'),
      factor: await value('samovar_budget_factor{origin="db"}'),
      refused: await value('samovar_entries_refused_total{cache="p",why="too-big"}'),
      removed: await value('samovar_invalidated_keys_total{cache="p"}'),
      tags: await value('samovar_invalidated_tags_total{cache=""}'),
      jobs: await value('samovar_jobs_total{job="warm",outcome="handed-back"}'),
      jobTime: await value('samovar_job_seconds_sum{job="warm"}'),
      history: await value('samovar_history_failures_total{job="warm"}'),
      ticks: await value('samovar_schedule_ticks_total{schedule="often",late="true"}'),
      skips: await value('samovar_schedule_skips_total{schedule="often",why="overlap"}'),
      stores: await value('samovar_store_failures_total{role="cache"}'),
      build: await value(`samovar_build_info{version="${packageVersion}",node="${process.versions.node}"}`),
    }).toEqual({
      hits: 12,
      misses: 3,
      dropped: 4,
      loads: 1,
      timeouts: 1,
      ids: 500,
      loadSum: 0.04,
      written: 2,
      fresh: 1,
      planned: undefined,
      bytes: 2_048,
      runs: 1,
      running: undefined,
      used: 7,
      unused: 2,
      waited: 0.25,
      factor: 0.5,
      refused: 1,
      removed: 3,
      tags: 2,
      jobs: 1,
      jobTime: 1.5,
      history: 1,
      ticks: 1,
      skips: 1,
      stores: 1,
      build: 1,
    });
  });

  test('tell of schedules: the next slot only while they are not paused', async () => {
    let isPaused = false;
    const { value } = start({
      schedules: async () => [{ name: 'often', isPaused, lastSlot: 60_000, next: [120_000] }],
    });
    const next = 'samovar_schedule_next_timestamp_seconds{schedule="often"}';
    expect(await value('samovar_schedule_last_timestamp_seconds{schedule="often"}')).toBe(60);
    expect(await value(next)).toBe(120);
    isPaused = true;
    expect(await value(next)).toBeUndefined();
  });

  test('are served although a gauge cannot be read, which is counted; old values do not linger', async () => {
    let isAway = false;
    const told: string[] = [];
    const { value } = start({
      queues: {
        names: ['warm'],
        counts: async () => (isAway ? Promise.reject(new Error('away')) : { waiting: 2 }),
        oldestMs: async () => undefined,
      },
      onError: (what) => told.push(what),
    });
    expect(await value('samovar_queue_jobs{queue="warm",state="waiting"}')).toBe(2);
    expect(await value('samovar_queue_oldest_seconds{queue="warm"}')).toBe(0);
    isAway = true;
    expect(await value('samovar_queue_jobs{queue="warm",state="waiting"}')).toBeUndefined();
    expect(told).toEqual(['samovar_queue_jobs']);
    expect(await value('samovar_collect_failures_total{what="samovar_queue_jobs"}')).toBeGreaterThan(0);
  });

  test('stop listening when closed', async () => {
    const { events, metrics } = start();
    metrics.close();
    expect(() => events.emit('warm:used', { cache: 'p', entries: 1 })).not.toThrow();
    expect(await metrics.text()).toBe('\n');
  });
});

describe('the list of metrics', () => {
  const definitions = Object.entries<MetricDefinition>(metricDefinitions);

  test('follows the rules of Prometheus, and no key is a label', () => {
    for (const [name, { type, labels, help }] of definitions) {
      expect(name).toMatch(/^samovar_[a-z_]+$/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      if (type !== 'counter') expect(name).not.toMatch(/_total$/);
      expect(labels).not.toContain('key');
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
  });

  test('is what docs/metrics.md says', () => {
    const rows = [
      ...readFileSync('docs/metrics.md', 'utf8').matchAll(
        /^\| `(samovar_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$/gm,
      ),
    ];
    expect(rows.map(([, name, type, labels, help]) => ({ name, type, labels, help }))).toEqual(
      definitions.map(([name, { type, labels, help }]) => ({
        name,
        type,
        labels: labels.map((label) => `\`${label}\``).join(' '),
        help,
      })),
    );
  });

  test('tell what caches read by tier, and what waits while Redis is away', async () => {
    const tiers = {
      memory: { hits: 7, entries: 2, bytes: 300 },
      redis: { hits: 5, stale: 1, negatives: 2, misses: 3 },
    };
    const { events, value } = start({
      caches: [
        { name: 'kept', stats: () => ({ tiers }) },
        { name: 'plain', stats: () => ({ tiers: { redis: tiers.redis } }) },
      ],
    });
    expect(await value('samovar_cache_reads{cache="kept",tier="memory",result="hit"}')).toBe(7);
    expect(await value('samovar_cache_reads{cache="kept",tier="redis",result="stale"}')).toBe(1);
    expect(await value('samovar_cache_reads{cache="plain",tier="memory",result="hit"}')).toBeUndefined();
    expect(await value('samovar_cache_reads{cache="plain",tier="redis",result="miss"}')).toBe(3);
    expect(await value('samovar_memory_bytes{cache="kept"}')).toBe(300);
    expect(await value('samovar_memory_entries{cache="kept"}')).toBe(2);
    expect(await value('samovar_store_away{role="cache"}')).toBe(0);
    events.emit('store:changed', { role: 'cache', isAway: true });
    events.emit('invalidation:kept', { cache: 'kept', keys: 2, tags: 0, waiting: 2 });
    expect(await value('samovar_store_away{role="cache"}')).toBe(1);
    expect(await value('samovar_invalidations_waiting')).toBe(2);
    events.emit('invalidation:replayed', { keys: 2, tags: 1, caches: 0 });
    events.emit('store:changed', { role: 'cache', isAway: false });
    events.emit('read:failed', { cache: 'kept' });
    expect(await value('samovar_invalidations_waiting')).toBe(0);
    expect(await value('samovar_invalidations_replayed_total{what="keys"}')).toBe(2);
    expect(await value('samovar_store_away{role="cache"}')).toBe(0);
    expect(await value('samovar_fallbacks_total{cache="kept"}')).toBe(1);
  });
});
