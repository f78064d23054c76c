import type { Pool, PoolClient } from '../connect.ts';
import { transaction } from '../transaction.ts';
import type { Horizon } from './horizon.ts';

/** How each partitioned table is cut: days in one partition, and the letter before its number. */
const cuts = {
  access_bucket: { letter: 'd', days: 1, perDay: 24 },
  access_door: { letter: 'd', days: 1, perDay: 1 },
  access_day: { letter: 'w', days: 7, perDay: 1 },
} as const;

type Partitioned = keyof typeof cuts;

export interface Partition {
  readonly table: Partitioned;
  /** Its place in the order: epoch day or epoch week. */
  readonly number: number;
}

/** The first day that a partition does not hold. */
export const endOf = ({ table, number }: Partition): number => (number + 1) * cuts[table].days;

const nameOf = ({ table, number }: Partition): string => `${table}_${cuts[table].letter}${number}`;

/** One writer of counts at a time: the upserts of two would only wait for each other's rows, or deadlock. */
export const lockCounts = (client: PoolClient): Promise<unknown> =>
  client.query(`select pg_advisory_xact_lock(hashtextextended('samovar.access', 0))`);

/** Makes whatever partition the horizon asks for and is not there. */
export async function makePartitions(pool: Pool, horizon: Horizon): Promise<void> {
  const wanted = [
    ...range('access_bucket', horizon.hoursFrom, horizon.today),
    ...range('access_door', horizon.today, horizon.today),
    ...range('access_day', horizon.daysFrom, horizon.today),
  ];
  const known = new Set((await listPartitions(pool)).map(nameOf));
  const missing = wanted.filter((partition) => !known.has(nameOf(partition)));
  if (missing.length === 0) return;
  // A transaction of its own: making a partition locks readers of the whole table out until it ends.
  await transaction(pool, async (client) => {
    await lockCounts(client);
    for (const partition of missing) {
      const { days, perDay } = cuts[partition.table];
      const width = days * perDay;
      const from = partition.number * width;
      await client.query(
        `create table if not exists samovar.${nameOf(partition)} partition of samovar.${partition.table}
           for values from (${from}) to (${from + width})`,
      );
    }
  });
}

function range(table: Partitioned, fromDay: number, toDay: number): Partition[] {
  const { days } = cuts[table];
  const first = Math.floor(fromDay / days);
  const count = Math.floor(toDay / days) - first + 1;
  return Array.from({ length: count }, (_, i) => ({ table, number: first + i }));
}

/** Every partition there is, oldest first. */
export async function listPartitions(db: Pool | PoolClient): Promise<Partition[]> {
  const { rows } = await db.query<{ table: Partitioned; number: number }>(
    `select p.relname as table, substring(c.relname from '\\d+$')::int as number
       from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
      where p.oid = any ($1::regclass[])
      order by 1, 2`,
    [Object.keys(cuts).map((table) => `samovar.${table}`)],
  );
  return rows;
}

/** Goes with all its rows. Readers of the table are waited for, but not for long: then it throws. */
export async function dropPartition(client: PoolClient, partition: Partition): Promise<void> {
  await client.query(`set local lock_timeout = '5s'`);
  await client.query(`drop table samovar.${nameOf(partition)}`);
}

/** The partition as a table to read from. */
export const relationOf = (partition: Partition): string => `samovar.${nameOf(partition)}`;
