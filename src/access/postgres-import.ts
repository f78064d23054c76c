import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Pool, PoolClient } from '../connect.ts';
import { SamovarError } from '../errors.ts';
import type { CallerCount } from '../rooms.ts';
import { inTransaction, withClient } from '../transaction.ts';
import type { Horizon } from './horizon.ts';
import type { StagedCount } from './import-tally.ts';
import { addCallers } from './postgres.ts';
import { cacheIds } from './postgres-caches.ts';
import { type AddedCounts, addCounts, makeCountTable } from './postgres-counts.ts';
import { lockCounts, makePartitions } from './postgres-partitions.ts';

/** Content that was imported: its length, and the hash of all of it. */
export interface KnownContent {
  readonly bytes: number;
  readonly sha256: Buffer;
}

/** What is written down of an import. */
export interface ImportRecord extends KnownContent {
  readonly head: Buffer;
  readonly lines: number;
  readonly accesses: number;
  readonly bad: number;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Counts on their way into the buckets: in a temporary table, then all of them at once. */
export interface Staging {
  /** Contents that were imported before and may be what this one begins with, shortest first. */
  readonly known: readonly KnownContent[];
  stage(counts: Iterable<StagedCount>): Promise<void>;
  /** Forgets what was staged. */
  clear(): Promise<void>;
  /** Adds what was staged, in one transaction. `again`: although the same content was imported before. */
  merge(
    record: ImportRecord,
    callers: readonly CallerCount[],
    horizon: Horizon,
    again: boolean,
  ): Promise<AddedCounts>;
}

/** `head` names the beginning of the content: two imports with the same one are not let in at once (E_ALREADY_RUNNING). */
export const withStaging = <Result>(
  pool: Pool,
  head: Buffer,
  work: (staging: Staging) => Promise<Result>,
): Promise<Result> =>
  withClient(
    pool,
    async (client) => {
      // A large import takes longer than any statement of a running system may.
      await client.query('set statement_timeout = 0');
      const lock = head.readBigInt64BE(0).toString();
      const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [
        lock,
      ]);
      if (!rows[0]!.locked)
        throw new SamovarError('E_ALREADY_RUNNING', 'the same file is being imported by another process');
      try {
        await makeCountTable(client, 'samovar_import', 'preserve');
        return await work({
          known: await knownContents(client, head),
          stage: (counts) => stage(pool, client, counts),
          clear: async () => void (await client.query('truncate samovar_import')),
          merge: (...args) => merge(pool, client, ...args),
        });
      } finally {
        // A lost connection has given it back already.
        await client.query('select pg_advisory_unlock($1)', [lock]).catch(() => {});
      }
    },
    // With the connection go the table and the setting.
    { keep: false },
  );

async function knownContents(client: PoolClient, head: Buffer): Promise<KnownContent[]> {
  const { rows } = await client.query<{ bytes: string; sha256: Buffer }>(
    `select bytes, sha256 from samovar.access_import where head in ($1, ''::bytea) order by bytes`,
    [head],
  );
  return rows.map(({ bytes, sha256 }) => ({ bytes: Number(bytes), sha256 }));
}

async function stage(pool: Pool, client: PoolClient, counts: Iterable<StagedCount>): Promise<void> {
  const rows = [...counts];
  const caches = await cacheIds(
    pool,
    rows.map(({ cache }) => cache),
  );
  const lines = function* () {
    let text = '';
    for (const { cache, key, bucket, accesses, bytes } of rows) {
      text += `${caches.get(cache)}\t${escaped(key)}\t${bucket}\t${accesses}\t0\t${bytes ?? '\\N'}\n`;
      if (text.length < 65_536) continue;
      yield text;
      text = '';
    }
    yield text;
  };
  await pipeline(Readable.from(lines()), client.query(copyFrom('copy samovar_import from stdin')));
}

const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const escaped = (text: string): string => text.replace(/[\\\t\n\r]/g, (letter) => escapes[letter]!);

async function merge(
  pool: Pool,
  client: PoolClient,
  record: ImportRecord,
  callers: readonly CallerCount[],
  horizon: Horizon,
  again: boolean,
): Promise<AddedCounts> {
  await makePartitions(pool, horizon);
  const caches = await cacheIds(
    pool,
    callers.map(({ cache }) => cache),
  );
  return inTransaction(client, async () => {
    await lockCounts(client);
    await noteImport(client, record, horizon.now, again);
    const added = await addCounts(client, 'samovar_import', horizon);
    await addCallers(client, callers, caches, horizon, { isImport: true });
    return added;
  });
}

async function noteImport(
  client: PoolClient,
  record: ImportRecord,
  now: number,
  again: boolean,
): Promise<void> {
  await client.query(
    `insert into samovar.access_import (sha256, bytes, head, lines, accesses, bad, first_at, last_at, imported_at)
     values ($1, $2, $3, $4, $5, $6, to_timestamp($7 / 1000.0), to_timestamp($8 / 1000.0), to_timestamp($9 / 1000.0))
     ${again ? 'on conflict (sha256) do update set imported_at = excluded.imported_at' : ''}`,
    [
      record.sha256,
      record.bytes,
      record.head,
      record.lines,
      record.accesses,
      record.bad,
      record.from ?? null,
      record.to ?? null,
      now,
    ],
  );
}
