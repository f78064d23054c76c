import type { AccessRetention } from '../../src/access/horizon.ts';
import { createBuckets } from '../../src/access/postgres.ts';
import { dayMs, hourMs } from '../../src/duration.ts';
import { createEmitter } from '../../src/events.ts';
import type { AccessBatch, AccessCount } from '../../src/rooms.ts';
import { fakeClock, type TestDatabase } from '../support/index.ts';

export const retention: AccessRetention = { bucketsMs: 3 * dayMs, daysMs: 56 * dayMs };

/** Monday, 14:00 UTC. */
export const startAt = Date.UTC(2026, 0, 5, 14);
export const startBucket = startAt / hourMs;

/** The buckets of a database, under a clock of their own, and how to look into them. */
export function bucketsOf(db: TestDatabase, clock = fakeClock(startAt)) {
  const events = createEmitter();
  const buckets = createBuckets(db.pool, { clock, retention, events });
  let messages = 0;
  let upto = '0-0';

  /** A batch that follows the one made before. */
  const batch = (
    counts: readonly (readonly [key: string, bucket: number, accesses: number, misses?: number])[],
    rest: Partial<AccessBatch> = {},
  ): AccessBatch => {
    const after = upto;
    messages += 1;
    upto = `${messages}-0`;
    return {
      log: 'log-1',
      after,
      upto,
      messages: 1,
      counts: counts.map(
        ([key, bucket, accesses, misses = 0]): AccessCount => ({
          cache: 'products',
          key,
          bucket,
          accesses,
          misses,
        }),
      ),
      callers: [],
      used: [],
      fills: [],
      dropped: 0,
      unreadable: 0,
      ...rest,
    };
  };

  return { clock, events, buckets, batch };
}

/** `{ 'key@bucket': 'accesses/misses' }` of the hourly counts that say which cache they are of. */
export async function hours(db: TestDatabase): Promise<Record<string, string>> {
  const rows = await db.rows<{ key: string; bucket: number; accesses: number; misses: number }>(
    `select k.key, b.bucket, b.accesses, b.misses
       from samovar.access_bucket b join samovar.cache_key k on k.id = b.key_id and k.cache_id = b.cache_id order by 1, 2`,
  );
  return Object.fromEntries(rows.map((row) => [`${row.key}@${row.bucket}`, `${row.accesses}/${row.misses}`]));
}

/** `{ 'key@bucket': accesses }` of what waits for the fold as late. */
export async function late(db: TestDatabase): Promise<Record<string, number>> {
  const rows = await db.rows<{ key: string; bucket: number; accesses: number }>(
    `select k.key, l.bucket, sum(l.accesses)::int as accesses
       from samovar.access_late l join samovar.cache_key k on k.id = l.key_id group by 1, 2 order by 1, 2`,
  );
  return Object.fromEntries(rows.map((row) => [`${row.key}@${row.bucket}`, row.accesses]));
}

/** `{ 'key@bucket': accesses }` of the roll-ups. */
export async function days(db: TestDatabase): Promise<Record<string, number>> {
  const rows = await db.rows<{ key: string; day: number; hours: (number | null)[] }>(
    `select k.key, d.day, d.hours from samovar.access_day d join samovar.cache_key k on k.id = d.key_id order by 1, 2`,
  );
  return Object.fromEntries(
    rows.flatMap(({ key, day, hours: counts }) =>
      counts.flatMap((count, hour) => (count === null ? [] : [[`${key}@${day * 24 + hour}`, count]])),
    ),
  );
}

export async function count(db: TestDatabase, table: string): Promise<number> {
  return (await db.rows<{ n: number }>(`select count(*)::int as n from samovar.${table}`))[0]!.n;
}

export async function partitions(db: TestDatabase): Promise<string[]> {
  const rows = await db.rows<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where c.relkind = 'r' order by 1`,
  );
  return rows.map(({ name }) => name.replace('samovar.', ''));
}

/** Everything that was counted is gone; partitions stay. */
export const empty = (db: TestDatabase) =>
  db.rows(
    `truncate samovar.access_bucket, samovar.access_late, samovar.access_day, samovar.access_door, samovar.access_caller,
       samovar.access_cursor, samovar.access_import, samovar.cache_key, samovar.key_tag, samovar.key_state,
       samovar.plan, samovar.plan_chunk;
     update samovar.fold set upto = null`,
  );
