import type { Pool } from '../connect.ts';

/** Numbers of caches by name; those met for the first time get one. */
export async function cacheIds(pool: Pool, names: Iterable<string>): Promise<ReadonlyMap<string, number>> {
  const wanted = [...new Set(names)];
  const find = async () => {
    const { rows } = await pool.query<{ id: number; name: string }>(
      'select id, name from samovar.cache where name = any ($1)',
      [wanted],
    );
    return new Map(rows.map(({ id, name }) => [name, id]));
  };
  const known = await find();
  const missing = wanted.filter((name) => !known.has(name));
  if (missing.length === 0) return known;
  // Only the missing are tried: every refused insert would spend one of 32,767 numbers.
  await pool.query('insert into samovar.cache (name) select unnest($1::text[]) on conflict do nothing', [
    missing,
  ]);
  return find();
}
