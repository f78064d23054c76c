import type { Pool } from '../connect.ts';
import { transaction } from '../transaction.ts';
import type { Horizon } from './horizon.ts';
import { addDays } from './postgres-counts.ts';
import {
  dropPartition,
  endOf,
  listPartitions,
  lockCounts,
  type Partition,
  relationOf,
} from './postgres-partitions.ts';

/** Rolls days up whose hours are no longer kept, and forgets what is older than it is kept. */
export async function pruneAccess(pool: Pool, horizon: Horizon): Promise<Record<string, number>> {
  const partitions = await listPartitions(pool);
  const foldedUpto = await readFold(pool);
  const totals = { daysRolled: 0, keyDays: 0, daysDropped: 0, doorsDropped: 0, tablesBusy: 0 };
  const busy = new Set<Partition['table']>();

  for (const partition of partitions) {
    const isOver = isPast(partition, horizon);
    // What the fold still needs stays, but not for longer than the roll-up would.
    const isNeeded = partition.table === 'access_bucket' && foldedUpto < endOf(partition) * 24 - 1;
    if (busy.has(partition.table) || !isOver || (isNeeded && endOf(partition) > horizon.daysFrom)) continue;
    const isRolled = partition.table === 'access_bucket' && endOf(partition) > horizon.daysFrom;
    try {
      totals.keyDays += await transaction(pool, async (client) => {
        await lockCounts(client);
        const rolled = isRolled
          ? await addDays(client, `select bucket, key_id, accesses from ${relationOf(partition)}`)
          : 0;
        await dropPartition(client, partition);
        return rolled;
      });
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      busy.add(partition.table);
      totals.tablesBusy += 1;
      continue;
    }
    if (partition.table === 'access_door') totals.doorsDropped += 1;
    else if (isRolled) totals.daysRolled += 1;
    else totals.daysDropped += 1;
  }
  const keys = await pruneKeys(pool, horizon);
  const { rowCount: callers } = await pool.query('delete from samovar.access_caller where bucket < $1', [
    horizon.daysFrom * 24,
  ]);
  await pool.query(
    `delete from samovar.access_cursor where moved_at < to_timestamp($1 / 1000.0) - interval '30 days'
        and moved_at < (select max(moved_at) from samovar.access_cursor)`,
    [horizon.now],
  );
  return { ...totals, keys, callers: callers ?? 0 };
}

function isPast(partition: Partition, { today, hoursFrom, daysFrom }: Horizon): boolean {
  const kept = { access_bucket: hoursFrom, access_day: daysFrom, access_door: today - 1 };
  return endOf(partition) <= kept[partition.table];
}

async function readFold(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ upto: number | null }>('select upto from samovar.fold');
  return rows[0]?.upto ?? 0;
}

/** Another session reads the table: it will be free next time. */
const isLockTimeout = (error: unknown): boolean => (error as { code?: unknown }).code === '55P03';

const keysInOneGo = 10_000;
const mostLate = 100_000;

/** Keys that nobody has read for as long as days are kept, and of which no state is left. */
async function pruneKeys(pool: Pool, { daysFrom }: Horizon): Promise<number> {
  // Late counts have no index. After a large import they are many, and the fold comes first.
  const late = await pool.query(`select from samovar.access_late limit ${mostLate}`);
  if (late.rowCount === mostLate) return 0;
  let removed = 0;
  for (let after = 0; ; ) {
    const { rows } = await transaction(pool, async (client) => {
      await lockCounts(client);
      return client.query<{ last: number | null; removed: number }>(
        `with old as (
           select id from samovar.cache_key where id > $1 and seen_bucket < $2 order by id limit ${keysInOneGo}
         ), gone as (
           delete from samovar.cache_key k using old
            where k.id = old.id
              and not exists (select from samovar.key_state s where s.key_id = k.id)
              and not exists (select from samovar.access_late l where l.key_id = k.id)
           returning k.id
         ), tags as (
           delete from samovar.key_tag t using gone where t.key_id = gone.id
         )
         select (select max(id) from old) as last, (select count(*) from gone)::int as removed`,
        // A known key's hour is noted once a day only.
        [after, daysFrom * 24 - 48],
      );
    });
    const { last, removed: gone } = rows[0]!;
    removed += gone;
    if (last === null) return removed;
    after = last;
  }
}
