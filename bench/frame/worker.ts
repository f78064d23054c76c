import { builtinJobs } from '../../jobs/index.ts';
import { systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin, encoded } from '../../src/define.ts';
import type { Samovar, Working } from '../../src/facade.ts';
import { key } from '../../src/key.ts';
import { readConfig } from '../../src/read-config.ts';
import { createSamovar } from '../../src/samovar.ts';
import { serve, usage } from './child.ts';
import { loadItems, openItems } from './items.ts';

/** A worker process of a bench: a cache of items and what its loader does. */
export interface WorkerSetup {
  readonly cacheUrl: string;
  readonly queueUrl: string;
  readonly postgresUrl: string;
  /** What the loader returns: the documents as JSON text or parsed; `none` asks nobody and returns a word. */
  readonly loader: 'text' | 'rows' | 'none';
  /** How many items a plan may have. */
  readonly top: number;
  readonly perSecond?: number;
  readonly concurrency?: number;
}

/** Instants (epoch ms) and sizes of the loads of one process. */
export interface LoadTimes {
  readonly at: number[];
  readonly size: number[];
}

export interface EndedRun {
  readonly state: string;
  readonly keys: number;
  /** From the first claimed chunk to the last settled one. */
  readonly warmMs: number;
}

let samovar: Samovar | undefined;
let working: Working | undefined;
const loads: LoadTimes = { at: [], size: [] };

async function open(setup: WorkerSetup): Promise<void> {
  const pool = await openItems(setup.postgresUrl, 8);
  const origin = defineOrigin('items', {
    budget: {
      ...(setup.perSecond !== undefined && { perSecond: setup.perSecond }),
      concurrency: setup.concurrency ?? 4,
    },
  });
  const items = defineCache('items', {
    origin,
    key: key.number,
    ttl: '1h',
    async load(ids: number[]): Promise<Map<number, unknown>> {
      loads.at.push(systemClock.now());
      loads.size.push(ids.length);
      if (setup.loader === 'none') return new Map(ids.map((id) => [id, 'x']));
      const rows = await loadItems(pool, ids, setup.loader);
      return new Map(
        rows.map(({ id, doc }) => [id, setup.loader === 'text' ? encoded<unknown>(doc as string) : doc]),
      );
    },
    warm: {
      top: setup.top,
      maxTime: '30m',
      also: [{ sql: 'select id from item order by id limit $1', params: [setup.top] }],
    },
  });
  const config = defineConfig({
    redis: setup.cacheUrl,
    queueRedis: setup.queueUrl,
    postgres: setup.postgresUrl,
    caches: [items],
    commandTimeout: '2s', // as the command line has it
    jobs: [...builtinJobs],
    log: { level: 'error' },
  });
  samovar = await createSamovar(readConfig(config, { env: {}, file: 'the bench' }));
}

const opened = (): Samovar => {
  if (!samovar) throw new Error('open first');
  return samovar;
};

async function begin(): Promise<{ run: number; planMs: number }> {
  const from = systemClock.elapsed();
  const begun = await opened().warm('items');
  const run = 'running' in begun ? begun.running : begun.run;
  if (run === undefined) throw new Error('nothing to warm');
  return { run, planMs: systemClock.elapsed() - from };
}

/** A run of which nothing is settled for so long is stuck. */
const patienceMs = 60_000;
/** Looking at a run costs Postgres something, too. */
const lookEveryMs = 250;

/** Waits until the run is over, however it ended. */
async function ended(number: number): Promise<EndedRun> {
  let movedAt = systemClock.elapsed();
  let before = '';
  for (;;) {
    const run = await opened().runs.get(number);
    const results = JSON.stringify(run?.results);
    if (results !== before) [before, movedAt] = [results, systemClock.elapsed()];
    if (systemClock.elapsed() - movedAt > patienceMs) throw new Error(`the run is stuck: ${results}`);
    if (run && ['done', 'partial', 'failed', 'cancelled'].includes(run.state)) {
      return {
        state: run.why === undefined ? run.state : `${run.state}: ${run.why}`,
        keys: run.results.written ?? 0,
        warmMs: (run.endedAt ?? 0) - (run.startedAt ?? 0),
      };
    }
    await systemClock.sleep(lookEveryMs);
  }
}

serve({
  open,
  migrate: async () => void (await opened().schema.migrate()),
  work: async () => {
    working = await opened().work({ only: ['plan', 'warm'] });
  },
  rest: async () => {
    await working?.stop();
    working = undefined;
  },
  begin,
  ended,
  cancel: async (run: number) => void (await opened().runs.cancel(run)),
  usage,
  takeLoads: (): LoadTimes => ({ at: loads.at.splice(0), size: loads.size.splice(0) }),
  stop: async () => {
    await working?.stop();
    await samovar?.stop();
  },
});
