import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from '../connect.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { readMigrationLedger, readMigrations } from '../files.ts';
import type { Log } from '../log.ts';
import { withClient } from '../transaction.ts';

export interface Migration {
  readonly version: number;
  readonly name: string;
}

export interface AppliedMigration extends Migration {
  readonly appliedAt: number;
  /** Whether its file is no longer the one that was applied. */
  readonly isChanged: boolean;
}

export interface SchemaStatus {
  readonly version: number;
  /** The version this build was made for. */
  readonly needs: number;
  readonly applied: readonly AppliedMigration[];
  readonly pending: readonly Migration[];
}

export interface Schema {
  status(): Promise<SchemaStatus>;
  pending(): Promise<readonly Migration[]>;
  /** Applies what is pending, each in a transaction of its own; any number of processes may do so at once. E_SCHEMA. */
  migrate(options?: { dryRun?: boolean }): Promise<{ applied: readonly Migration[] }>;
  /** The statements that are pending, as a script to be run by hand. */
  sql(): Promise<string>;
  /** Throws E_SCHEMA unless the schema is the one this build needs. */
  check(): Promise<void>;
}

interface Numbered extends Migration {
  readonly sql: string;
}

/** Names the lock under which migrations run, in every database alike. */
const lockNumber = 7_283_001;

const checksumOf = (sql: string): string => createHash('sha256').update(sql).digest('hex');

/** The schema of one database. `migrations` are this build's unless a test brings its own. */
export function createSchema(
  pool: Pool,
  { log, migrations = readMigrations() }: { log?: Log; migrations?: readonly Numbered[] } = {},
): Schema {
  const needs = migrations.at(-1)?.version ?? 0;

  const warned = new Set<string>();
  function warnOnce(name: string): void {
    if (warned.has(name)) return;
    warned.add(name);
    log?.warn({ migration: name }, 'an applied migration is not what it was when it was applied');
  }

  async function status(on: Pool | PoolClient = pool): Promise<SchemaStatus> {
    const kept = await keptRows(on);
    const files = new Map(migrations.map((migration) => [migration.version, migration]));
    const applied = kept.map(({ version, name, checksum, applied_at }) => {
      const file = files.get(version);
      const isChanged = file !== undefined && checksumOf(file.sql) !== checksum;
      return { version, name, appliedAt: applied_at.getTime(), isChanged };
    });
    for (const migration of applied) if (migration.isChanged) warnOnce(migration.name);
    const version = applied.at(-1)?.version ?? 0;
    const done = new Set(applied.map((migration) => migration.version));
    const pending = migrations.filter((migration) => !done.has(migration.version));
    return { version, needs, applied, pending: pending.map(({ version, name }) => ({ version, name })) };
  }

  async function migrate({ dryRun = false } = {}): Promise<{ applied: readonly Migration[] }> {
    const before = await status();
    refuseNewer(before);
    if (dryRun) return { applied: before.pending };
    return withClient(pool, async (client) => {
      const applied: Migration[] = [];
      for (let next = await applyNext(client); next; next = await applyNext(client)) applied.push(next);
      return { applied };
    });
  }

  /** Applies the first pending migration, or none, with what it is looked at under the lock of its own transaction. */
  async function applyNext(client: PoolClient): Promise<Migration | undefined> {
    let name = 'samovar.migration';
    await client.query('begin');
    try {
      // Waiting for another process' migration, or migrating much data, may take as long as it takes.
      await client.query('set local statement_timeout = 0');
      await client.query('select pg_advisory_xact_lock($1)', [lockNumber]);
      if (!(await hasLedger(client))) await client.query(readMigrationLedger());
      const now = await status(client);
      refuseNewer(now);
      const next = migrations.find(({ version }) => version === now.pending[0]?.version);
      if (next !== undefined) {
        name = next.name;
        await client.query(next.sql);
        await client.query('insert into samovar.migration (version, name, checksum) values ($1, $2, $3)', [
          next.version,
          next.name,
          checksumOf(next.sql),
        ]);
      }
      await client.query('commit');
      if (next === undefined) return undefined;
      log?.info({ migration: name }, 'migration applied');
      return { version: next.version, name };
    } catch (error) {
      await client.query('rollback').catch(() => {}); // the connection is gone, and the transaction with it
      throw error instanceof SamovarError ? error : notApplied(name, error);
    }
  }

  return {
    status: () => status(),
    pending: async () => (await status()).pending,
    migrate,
    async sql() {
      const { version, pending } = await status();
      const steps = pending.map(({ version, name }) => {
        const { sql } = migrations.find((migration) => migration.version === version)!;
        const note = `insert into samovar.migration (version, name, checksum) values (${version}, '${name}', '${checksumOf(sql)}');`;
        return `-- ${name}\nbegin;\n${sql.trim()}\n\n${note}\ncommit;\n`;
      });
      return (version === 0 && steps.length > 0 ? [readMigrationLedger(), ...steps] : steps).join('\n');
    },
    check: async () => requireCurrent(await status()),
  };
}

/** Throws E_SCHEMA unless the schema is the one this build needs. */
function requireCurrent(now: Pick<SchemaStatus, 'version' | 'needs' | 'pending'>): void {
  refuseNewer(now);
  if (now.pending.length === 0) return;
  throw new SamovarError(
    'E_SCHEMA',
    `schema "samovar" is at version ${now.version}, this build needs ${now.needs} (pending: ${now.pending.map(({ name }) => name).join(', ')})`,
    { hints: ['run: samovar migrate', 'look first: samovar migrate --dry-run'] },
  );
}

function refuseNewer({ version, needs }: Pick<SchemaStatus, 'version' | 'needs'>): void {
  if (version <= needs) return;
  throw new SamovarError(
    'E_SCHEMA',
    `schema "samovar" is at version ${version}, newer than this build, which knows ${needs}`,
    { hints: ['upgrade samovar here to the version that made the schema; nothing was changed'] },
  );
}

/** A statement that failed, and nothing of its migration stays. */
function notApplied(name: string, error: unknown): SamovarError {
  const isDenied = (error as { code?: string }).code === '42501';
  return new SamovarError('E_SCHEMA', `migration ${name} was not applied: ${messageOf(error)}`, {
    hints: isDenied
      ? [
          'let this user make the schema: grant create on database … to …',
          'or let an owner run it: samovar migrate --sql | psql …',
        ]
      : ['nothing of it stays; mend the cause and run again: samovar migrate'],
    cause: error,
  });
}

interface Kept {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
  readonly applied_at: Date;
}

async function keptRows(on: Pool | PoolClient): Promise<Kept[]> {
  if (!(await hasLedger(on))) return [];
  const { rows } = await on.query<Kept>(
    'select version, name, checksum, applied_at from samovar.migration order by version',
  );
  return rows;
}

async function hasLedger(on: Pool | PoolClient): Promise<boolean> {
  const { rows } = await on.query<{ found: boolean }>(
    "select to_regclass('samovar.migration') is not null as found",
  );
  return rows[0]!.found;
}
