import type { Pool } from '../connect.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { transaction } from '../transaction.ts';

/** Longest a user's statement may take. */
const selectTimeoutMs = 30_000;
/** As much of a statement as names it in a message. */
const shownOfSql = 80;
/** Postgres has run the statement and refused it, as opposed to being away: what is wrong is the statement. */
const refused = /^(0A|21|22|25|26|42|57014)/;

/**
 * Keys of a cache that carry any of the tags, as far as loads have told; the hottest of them first. Heat as of different
 * hours is compared by its logarithm, where decay is a straight line.
 */
export async function taggedKeys(
  pool: Pool,
  cache: string,
  tags: readonly string[],
  most: number,
): Promise<string[]> {
  const { rows } = await pool.query<{ key: string }>(
    `select k.key
       from (select distinct t.key_id from samovar.key_tag t join samovar.cache c on c.id = t.cache_id
              where c.name = $1 and t.tag = any ($2)) tagged
       join samovar.cache_key k on k.id = tagged.key_id
       left join samovar.key_state s on s.key_id = k.id
      order by ln(s.e168::float8) + s.last_bucket * (ln(2::float8) / 168) desc nulls last, k.id limit $3`,
    [cache, tags, most],
  );
  return rows.map((row) => row.key);
}

/**
 * The first column of a user's statement as texts, as Postgres writes them. It runs read-only, for a bounded time, and
 * is read no further than asked. E_CONFIG when Postgres refuses it.
 */
export async function selectKeys(
  pool: Pool,
  sql: string,
  params: readonly unknown[],
  most: number,
): Promise<string[]> {
  try {
    return await transaction(pool, async (client) => {
      await client.query(`set transaction read only; set local statement_timeout = ${selectTimeoutMs}`);
      // One statement and no more: only the extended protocol holds to that.
      const asked = { text: `declare samovar_wishes no scroll cursor for ${sql}`, values: [...params] };
      await client.query({ ...asked, queryMode: 'extended' } as typeof asked);
      const { rows } = await client.query<(string | null)[]>({
        text: `fetch ${most} from samovar_wishes`,
        rowMode: 'array',
        types: { getTypeParser: () => (text: string) => text },
      });
      return rows.flatMap(([text]) => text ?? []);
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string' || !refused.test(code)) throw error;
    const shown = sql.trim().replace(/\s+/g, ' ').slice(0, shownOfSql);
    throw new SamovarError('E_CONFIG', `the \`warm.also\` source \`${shown}\` failed: ${messageOf(error)}`, {
      hints: ['it must be one SELECT that only reads, whose first column is the text of a key'],
      cause: error,
    });
  }
}
