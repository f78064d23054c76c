import type { Clock } from '../clock.ts';
import { databaseError, maskUrl, type Pool } from '../connect.ts';
import { hourMs } from '../duration.ts';
import type { ServerFacts } from '../facade.ts';

/** What Postgres tells about itself; `ok: false` with the reason when it does not answer. */
export async function postgresFacts(
  pool: Pool,
  about: { url: string; from: string; clock: Clock },
): Promise<ServerFacts> {
  const base = { role: 'postgres' as const, url: maskUrl(about.url), from: about.from };
  try {
    const asked = about.clock.elapsed();
    const { rows } = await pool.query<{
      version: string;
      now: string;
      can_write: boolean;
      migrated: boolean;
    }>(`
      select current_setting('server_version') as version,
             extract(epoch from clock_timestamp()) * 1000 as now,
             has_database_privilege(current_database(), 'create')
               or coalesce(has_schema_privilege(to_regnamespace('samovar'), 'create'), false) as can_write,
             to_regclass('samovar.migration') is not null as migrated`);
    const roundTripMs = about.clock.elapsed() - asked;
    const row = rows[0]!;
    const version = row.migrated
      ? (
          await pool.query<{ version: number }>(
            'select coalesce(max(version), 0)::int as version from samovar.migration',
          )
        ).rows[0]!.version
      : 0;
    return {
      ...base,
      ok: true,
      version: row.version.split(' ')[0]!,
      roundTripMs,
      skewMs: Math.round(Number(row.now) - (about.clock.now() - roundTripMs / 2)),
      canWrite: row.can_write,
      schemaVersion: version,
    };
  } catch (error) {
    return { ...base, ok: false, error: databaseError(error, about).message };
  }
}

/** Keys known, and the reads of the last hour that has any, by cache; `measured` went through the cache. */
export async function cacheFacts(
  pool: Pool,
  now: number,
): Promise<Map<string, { keys: number; accesses: number; measured: number; misses: number }>> {
  const { rows } = await pool.query<{
    name: string;
    keys: string;
    accesses: string;
    measured: string;
    misses: string;
  }>(
    `select c.name,
            (select count(*) from samovar.cache_key k where k.cache_id = c.id) as keys,
            coalesce(sum(a.accesses), 0) as accesses,
            coalesce(sum(a.accesses - a.imported), 0) as measured,
            coalesce(sum(a.misses), 0) as misses
       from samovar.cache c
       left join samovar.access_caller a on a.cache_id = c.id and a.bucket >= $1
      group by c.id`,
    [Math.floor(now / hourMs) - 1],
  );
  return new Map(
    rows.map((row) => [
      row.name,
      {
        keys: Number(row.keys),
        accesses: Number(row.accesses),
        measured: Number(row.measured),
        misses: Number(row.misses),
      },
    ]),
  );
}
