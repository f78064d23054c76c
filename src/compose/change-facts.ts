import { createOutbox } from '../change/postgres.ts';
import { createTriggers } from '../change/postgres-triggers.ts';
import { watchedTables } from '../change/watch.ts';
import type { Config } from '../config.ts';
import type { Pool } from '../connect.ts';
import { messageOf } from '../errors.ts';
import type { ServerFacts } from '../facade.ts';

/** How changes of tables are told, and how many of them wait; nothing before the schema has an outbox. */
export async function changeFacts(
  pool: Pool,
  { caches }: Pick<Config, 'caches'>,
): Promise<Pick<ServerFacts, 'changes'>> {
  const { rows } = await pool.query<{ made: boolean }>(
    `select to_regclass('samovar.change') is not null as made`,
  );
  if (!rows[0]!.made) return {};
  const { rows: waiting, oldestMs } = await createOutbox(pool).depth();
  const told = await createTriggers(pool, watchedTables(caches))
    .status()
    .then(
      (triggers) => ({ triggers }),
      (error: unknown) => ({ triggers: [], error: messageOf(error) }),
    );
  return { changes: { waiting, oldestMs, ...told } };
}
