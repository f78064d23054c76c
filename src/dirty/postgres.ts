import type { Pool } from '../connect.ts';
import { SamovarError } from '../errors.ts';
import type { Grants } from './target.ts';

/** Long enough that no older write of a deleted row can still be on its way. */
const deletedForMs = 48 * 3_600_000;

/** What Postgres keeps of dirty writes beside the rows. */
export interface DirtyRecords extends Grants {
  /** Throws E_BUFFER when the buffer of this prefix was made with another number of partitions. */
  check(prefix: string, partitions: number): Promise<void>;
  /** Forgets deleted rows; answers how many. */
  prune(now: number): Promise<number>;
}

/** Counts an epoch up and waits for statements of the one before: none of them can commit afterwards. */
const grantSql = `
  insert into samovar.dirty_partition as d (cache, p, epoch, holder)
  select $1, p, 1, $2 from unnest($3::int[]) p order by p
  on conflict (cache, p) do update set epoch = d.epoch + 1, holder = excluded.holder, granted_at = now()
  returning p, epoch, high`;

export function createDirtyRecords(pool: Pool): DirtyRecords {
  return {
    async grant(cache, holder, partitions) {
      const { rows } = await pool.query<{ p: number; epoch: string; high: string }>(grantSql, [
        cache,
        holder,
        partitions,
      ]);
      return new Map(rows.map(({ p, epoch, high }) => [p, { epoch: Number(epoch), high: Number(high) }]));
    },

    async check(prefix, partitions) {
      await pool.query(
        'insert into samovar.dirty_buffer (prefix, partitions) values ($1, $2) on conflict do nothing',
        [prefix, partitions],
      );
      const { rows } = await pool.query<{ partitions: number }>(
        'select partitions from samovar.dirty_buffer where prefix = $1',
        [prefix],
      );
      const kept = rows[0]!.partitions;
      if (kept === partitions) return;
      throw new SamovarError(
        'E_BUFFER',
        `Postgres knows the buffer '${prefix}' with ${kept} partitions, and this build has ${partitions}`,
        { hints: ['run the version that made it until nothing is dirty, then: samovar flush --wait'] },
      );
    },

    async prune(now) {
      const { rowCount } = await pool.query(
        'delete from samovar.dirty_row where is_deleted and at < to_timestamp($1::double precision / 1000)',
        [now - deletedForMs],
      );
      return rowCount ?? 0;
    },
  };
}
