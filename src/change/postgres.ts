import type { Pool, PoolClient } from '../connect.ts';
import { withClient } from '../transaction.ts';

/** A row of the outbox. */
export interface Change {
  readonly caches: readonly string[];
  readonly form: 'key' | 'id' | 'json';
  readonly ids: readonly string[];
  readonly tags: readonly string[];
  readonly isAll: boolean;
  readonly mode: 'purge' | 'expire';
  readonly rewarm: boolean;
}

/** What has been carried out. */
export interface Drained {
  readonly rows: number;
  /** From each row's commit until it was carried out; from its writing, where the server does not note commits. */
  readonly lagsMs: readonly number[];
}

export interface Outbox {
  /**
   * Takes the oldest rows that nobody else has in hand, and forgets them once `apply` has resolved: whoever dies
   * before that leaves them to others. Answers with no rows when there are none.
   */
  drain(apply: (changes: readonly Change[]) => Promise<void>): Promise<Drained>;
  /** Rows that wait, and the age of the oldest. */
  depth(): Promise<{ readonly rows: number; readonly ids: number; readonly oldestMs: number }>;
}

/** At most so many rows, of up to some thousands of ids each, in one transaction. */
const most = 16;
/** A worker that stands still with rows in hand is parted from them. */
const patience = '30s';

const takeSql = `
  select id, caches, form, ids, tags, is_all as "isAll", mode, rewarm
    from samovar.change order by id limit ${most} for update skip locked`;
const settleSql = (commits: boolean): string => `
  delete from samovar.change where id = any ($1::bigint[])
  returning extract(epoch from clock_timestamp() - ${commits ? 'coalesce(pg_xact_commit_timestamp(xmin), at)' : 'at'}) * 1000 as lag`;

interface Row extends Change {
  readonly id: string;
}

/** The outbox `samovar.change`. */
export function createOutbox(pool: Pool): Outbox {
  let commits: boolean | undefined;

  const settle = async (client: PoolClient, ids: readonly string[]): Promise<number[]> => {
    commits ??=
      (await client.query<{ on: string }>(`select current_setting('track_commit_timestamp') as on`)).rows[0]!
        .on === 'on';
    const { rows } = await client.query<{ lag: string }>(settleSql(commits), [ids]);
    return rows.map(({ lag }) => Math.max(0, Number(lag)));
  };

  return {
    drain: (apply) =>
      withClient(pool, async (client) => {
        await client.query(`begin; set local idle_in_transaction_session_timeout = '${patience}'`);
        try {
          const { rows } = await client.query<Row>(takeSql);
          if (rows.length > 0) await apply(rows);
          const lagsMs =
            rows.length === 0
              ? []
              : await settle(
                  client,
                  rows.map(({ id }) => id),
                );
          await client.query('commit');
          return { rows: rows.length, lagsMs };
        } catch (error) {
          await client.query('rollback').catch(() => {}); // the connection is gone, and the transaction with it
          throw error;
        }
      }),

    async depth() {
      const { rows } = await pool.query<{ rows: string; ids: string; age: string | null }>(
        `select count(*) as rows, coalesce(sum(n), 0) as ids,
                extract(epoch from clock_timestamp() - min(at)) * 1000 as age from samovar.change`,
      );
      const { rows: count, ids, age } = rows[0]!;
      return { rows: Number(count), ids: Number(ids), oldestMs: Math.max(0, Number(age ?? 0)) };
    },
  };
}
