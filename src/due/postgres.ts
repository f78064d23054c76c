import type { Pool } from '../connect.ts';
import { dayMs, minuteMs } from '../duration.ts';
import type { Emitter } from '../events.ts';
import type { FillReport } from '../rooms.ts';

/** What became of refreshes: which of them somebody has read. */
export interface Refreshes {
  /** A number for the entries of one round to carry; 0 for a cache that nobody has read. */
  open(
    cache: string,
    options: { readonly keys: number; readonly now: number; readonly longestMs: number },
  ): Promise<number>;
  /** Notes which of them were written, or live on because of it. */
  note(mark: number, report: Pick<FillReport, 'results' | 'stillCurrent'>): Promise<void>;
  /** Counts, once, those that ended unread, and forgets the old. */
  prune(now: number): Promise<Record<string, number>>;
  /** Of the last day, by cache: refreshes whose entries have ended, and those of them that nobody read. */
  unread(now: number): Promise<Map<string, { readonly entries: number; readonly unread: number }>>;
}

/** Reads reach Postgres a little after they happened. */
const collectMs = 2 * minuteMs;

export function createRefreshes(
  pool: Pool,
  { events, retention }: { readonly events: Emitter; readonly retention: { readonly plansMs: number } },
): Refreshes {
  return {
    async open(cache, { keys, now, longestMs }) {
      const none = '0'.repeat(keys);
      const { rows } = await pool.query<{ id: number }>(
        `insert into samovar.refresh (cache_id, at, expires_at, written, used)
         select id, to_timestamp($2::float8 / 1000), to_timestamp($3::float8 / 1000), $4::varbit, $4::varbit
           from samovar.cache where name = $1 returning id`,
        [cache, now, now + longestMs, none],
      );
      return rows[0]?.id ?? 0;
    },

    async note(mark, { results, stillCurrent = [] }) {
      const current = new Set(stillCurrent);
      const written = results
        .map((result, i) => (result === 'written' || current.has(i) ? '1' : '0'))
        .join('');
      await pool.query('update samovar.refresh set written = $2::varbit where id = $1', [mark, written]);
    },

    async prune(now) {
      const { rows } = await pool.query<{ cache: string; closed: number; unused: number }>(
        `with ended as (
           update samovar.refresh set closed = true, entries = bit_count(written), unused = bit_count(written & ~used)
            where not closed and expires_at < to_timestamp($1::float8 / 1000) returning cache_id, unused
         )
         select c.name as cache, count(*)::int as closed, sum(e.unused)::int as unused
           from ended e join samovar.cache c on c.id = e.cache_id group by c.name`,
        [now - collectMs],
      );
      for (const { cache, unused } of rows)
        if (unused > 0) events.emit('refresh:unused', { cache, entries: unused });
      const { rowCount } = await pool.query(
        'delete from samovar.refresh where closed and at < to_timestamp($1::float8 / 1000)',
        [now - retention.plansMs],
      );
      return { refreshes: rows.reduce((sum, { closed }) => sum + closed, 0), oldRefreshes: rowCount ?? 0 };
    },

    async unread(now) {
      const { rows } = await pool.query<{ cache: string; entries: number; unread: number }>(
        `select c.name as cache, sum(bit_count(r.written))::int as entries, sum(bit_count(r.written & ~r.used))::int as unread
           from samovar.refresh r join samovar.cache c on c.id = r.cache_id
          where r.at > to_timestamp($1::float8 / 1000) and r.expires_at < to_timestamp($2::float8 / 1000)
          group by c.name`,
        [now - dayMs, now - collectMs],
      );
      return new Map(rows.map(({ cache, ...counts }) => [cache, counts]));
    },
  };
}
