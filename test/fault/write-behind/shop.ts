import { type ConfigInput, defineConfig } from '../../../src/config.ts';
import type { Pool } from '../../../src/connect.ts';
import { defineCache, defineOrigin, type WriteBehindOptions } from '../../../src/define.ts';
import type { AnyJobDef } from '../../../src/job.ts';
import { key } from '../../../src/key.ts';
import { upsert } from '../../../src/upsert.ts';
import { cache, type ProcessOptions, prefix } from './options.ts';

/** Short, so that entries go and come all the time. */
const ttl = '2s';

/** Where the rows of the cache are, and what they are read from. */
export const shopUpsert = upsert<unknown, unknown>({
  table: 'item',
  id: 'key',
  columns: { value: '*' },
  version: 'ver',
});

/** The cache under test; `pool` = where its values are loaded from. */
export function shopOf(pool: Pool, writeBehind: WriteBehindOptions<string, unknown>) {
  return defineCache(cache, {
    origin: defineOrigin('postgres'),
    key: key.string,
    load: async (ids: string[]) => {
      const { rows } = await pool.query<{ key: string; value: string }>(
        'select key, value from item where key = any($1)',
        [ids],
      );
      return new Map(rows.map((row) => [row.key, JSON.parse(row.value) as unknown]));
    },
    ttl,
    write: shopUpsert,
    writeBehind,
  });
}
export type Shop = ReturnType<typeof shopOf>;

/** One Redis for all, as most have it; queues in a database of their own, which can be wiped alone. */
export const configOf = (
  { redisUrl, queueUrl, postgresUrl }: ProcessOptions,
  shop: Shop,
  jobs: readonly AnyJobDef[] = [],
): ConfigInput =>
  defineConfig({
    redis: redisUrl,
    queueRedis: queueUrl,
    bufferRedis: redisUrl,
    postgres: postgresUrl,
    prefix,
    caches: [shop],
    jobs: [...jobs],
    access: { record: false },
    log: { level: 'silent' },
  }) as ConfigInput;
