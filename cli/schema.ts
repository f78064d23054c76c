import { createWholeSchema, type WholeSchema } from '../src/compose/schema.ts';
import { openPostgres, postgresReady } from '../src/connect.ts';
import { SamovarError } from '../src/errors.ts';
import type { CliContext } from './context.ts';

/** The schema by itself: it needs Postgres and no Redis. E_CONFIG, E_DATABASE_UNAVAILABLE. */
export async function openSchema(
  context: CliContext,
): Promise<{ schema: WholeSchema; close(): Promise<void> }> {
  const config = await context.config();
  if (config.postgres === undefined) {
    throw new SamovarError(
      'E_CONFIG',
      'expected `postgres` to be an address such as postgres://user:password@127.0.0.1:5432/app, got nothing',
      {
        hints: ['set DATABASE_URL, or `postgres` in the configuration'],
      },
    );
  }
  const log = await context.log();
  const about = { url: config.postgres, from: config.sources.postgres };
  const pool = await openPostgres({
    ...about,
    max: 2,
    onError: (error) => log.warn({ err: error }, 'postgres connection lost'),
  });
  try {
    await postgresReady(pool, about);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return { schema: createWholeSchema(pool, { log, caches: config.caches }), close: () => pool.end() };
}
