import { createBuckets } from '../access/postgres.ts';
import { databaseError, type Pool } from '../connect.ts';
import { createForecasts } from '../forecast/postgres.ts';
import { createHistory } from '../history/postgres.ts';
import { createPlans } from '../plan/postgres.ts';
import { createSchema } from '../schema/postgres.ts';
import type { Ground } from './ground.ts';

/** The rooms that stand in Postgres. */
export interface Database {
  readonly pool: Pool;
  readonly buckets: ReturnType<typeof createBuckets>;
  readonly forecasts: ReturnType<typeof createForecasts>;
  readonly plans: ReturnType<typeof createPlans>;
  readonly history: ReturnType<typeof createHistory>;
  readonly schema: ReturnType<typeof createSchema>;
}

/** Opens them on first use. E_DATABASE_UNAVAILABLE when Postgres does not answer; the next call tries again. */
export function lazyDatabase({ config, clock, log, events, connections }: Ground): () => Promise<Database> {
  let opened: Promise<Database> | undefined;
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
      forecasts: createForecasts(pool, { retention }),
      plans: createPlans(pool, { clock, events, retention }),
      history: createHistory(pool),
      schema: createSchema(pool, { log }),
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
