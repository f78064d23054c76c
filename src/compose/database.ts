import { createBuckets } from '../access/postgres.ts';
import { databaseError, type Pool } from '../connect.ts';
import type { Flusher } from '../dirty/flusher.ts';
import { createDirtyRecords } from '../dirty/postgres.ts';
import { createRefreshes, type Refreshes } from '../due/postgres.ts';
import { loadSeasonal } from '../forecast/augurs.ts';
import { ownExperts } from '../forecast/own.ts';
import { createForecasts } from '../forecast/postgres.ts';
import { createHistory } from '../history/postgres.ts';
import { createPlans } from '../plan/postgres.ts';
import { createFlushers } from './flushers.ts';
import type { Ground } from './ground.ts';
import { createWholeSchema, type WholeSchema } from './schema.ts';

/** The rooms that stand in Postgres. */
export interface Database {
  readonly pool: Pool;
  readonly buckets: ReturnType<typeof createBuckets>;
  readonly forecasts: ReturnType<typeof createForecasts>;
  readonly plans: ReturnType<typeof createPlans>;
  readonly refreshes: Refreshes;
  readonly history: ReturnType<typeof createHistory>;
  readonly schema: WholeSchema;
  readonly dirtyRecords: ReturnType<typeof createDirtyRecords>;
  /** One for each cache that buffers writes. */
  readonly flushers: ReadonlyMap<string, Flusher>;
}

/** Opens them on first use. E_DATABASE_UNAVAILABLE when Postgres does not answer; the next call tries again. */
export function lazyDatabase(ground: Ground): () => Promise<Database> {
  const { config, clock, log, events, connections } = ground;
  let opened: Promise<Database> | undefined;
  const own = ownExperts(config.forecast.experts, (expert, err) =>
    log.warn({ expert, err }, 'an expert of the configuration throws: it foresees nothing'),
  );
  const open = async (): Promise<Database> => {
    const pool = await connections.pool();
    const about = { url: config.postgres ?? '', from: config.sources.postgres };
    try {
      await pool.query('select 1');
    } catch (error) {
      throw databaseError(error, about);
    }
    const { retention } = config;
    return {
      pool,
      buckets: createBuckets(pool, { clock, events, retention }),
      forecasts: createForecasts(pool, {
        retention,
        experts: config.forecast.seasonal ? [...own, await loadSeasonal()] : own,
      }),
      plans: createPlans(pool, { clock, events, retention }),
      refreshes: createRefreshes(pool, { events, retention }),
      history: createHistory(pool),
      schema: createWholeSchema(pool, { log, caches: config.caches }),
      dirtyRecords: createDirtyRecords(pool),
      flushers: ground.dirty
        ? createFlushers(ground, await connections.writePool())
        : new Map<string, Flusher>(),
    };
  };
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}
