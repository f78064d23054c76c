import { createTriggers, type TriggerState } from '../change/postgres-triggers.ts';
import { watchedTables } from '../change/watch.ts';
import type { Config } from '../config.ts';
import type { Pool } from '../connect.ts';
import type { Log } from '../log.ts';
import { createSchema, type Migration, type Schema, type SchemaStatus } from '../schema/postgres.ts';

/** The schema together with the triggers that the caches of a configuration ask for. */
export interface WholeSchema extends Pick<Schema, 'check' | 'sql'> {
  status(): Promise<SchemaStatus & { readonly triggers: readonly TriggerState[] }>;
  /** `triggers`: those that were not as they should be, and, but for a dry run, are now. */
  migrate(options?: {
    dryRun?: boolean;
  }): Promise<{ readonly applied: readonly Migration[]; readonly triggers: readonly TriggerState[] }>;
}

export function createWholeSchema(
  pool: Pool,
  { log, caches }: { readonly log: Log; readonly caches: Config['caches'] },
): WholeSchema {
  const schema = createSchema(pool, { log });
  const triggers = createTriggers(pool, watchedTables(caches));
  return {
    check: () => schema.check(),
    status: async () => ({ ...(await schema.status()), triggers: await triggers.status() }),
    async migrate(options = {}) {
      const { applied } = await schema.migrate(options);
      if (options.dryRun)
        return { applied, triggers: (await triggers.status()).filter(({ state }) => state !== 'ok') };
      const made = await triggers.install();
      for (const { table, state } of made) log.info({ table, was: state }, 'triggers brought up to date');
      return { applied, triggers: made };
    },
    sql: async () => [await schema.sql(), await triggers.sql()].filter((text) => text !== '').join('\n'),
  };
}
