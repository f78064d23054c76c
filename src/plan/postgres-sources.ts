import type { Pool } from '../connect.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { transaction } from '../transaction.ts';

/** Longest a user's statement may take. */
const selectTimeoutMs = 30_000;

/** Keys of a cache that carry any of the tags, as far as loads have told. */
export async function taggedKeys(
  pool: Pool,
  cache: string,
  tags: readonly string[],
  most: number,
): Promise<string[]> {
  const { rows } = await pool.query<{ key: string }>(
    `select distinct k.key from samovar.key_tag t
       join samovar.cache c on c.id = t.cache_id and c.name = $1
       join samovar.cache_key k on k.id = t.key_id
      where t.tag = any ($2) limit $3`,
    [cache, tags, most],
  );
  return rows.map((row) => row.key);
}

/** The first column of a user's statement as texts. It runs read-only and for a bounded time. E_CONFIG when it fails. */
export async function selectKeys(
  pool: Pool,
  sql: string,
  params: readonly unknown[],
  most: number,
): Promise<string[]> {
  try {
    return await transaction(pool, async (client) => {
      await client.query(`set transaction read only`);
      await client.query(`set local statement_timeout = ${selectTimeoutMs}`);
      const text = `select * from (${sql.trim().replace(/;$/, '')}\n) as wished limit ${most}`;
      const { rows } = await client.query<unknown[]>({ text, values: [...params], rowMode: 'array' });
      return rows.flatMap(([value]) => (value === null || value === undefined ? [] : [String(value)]));
    });
  } catch (error) {
    throw new SamovarError('E_CONFIG', `a \`warm.also\` statement failed: ${messageOf(error)}`, {
      hints: [`it must be one SELECT whose first column is the key: ${sql.trim().slice(0, 80)}`],
      cause: error,
    });
  }
}
