import { dayMs, hourMs } from '../../src/duration.ts';
import { createForecasts } from '../../src/forecast/postgres.ts';
import { database, type TestDatabase, until } from '../support/index.ts';

/** Monday 2026-01-05 00:00 UTC as an epoch hour. */
export const monday = Date.UTC(2026, 0, 5) / hourMs;
/** The instant at which an hour is closed and complete. */
export const closing = (bucket: number): number => (bucket + 1) * hourMs + 61_000;

export interface Count {
  readonly key: string;
  readonly bucket: number;
  readonly accesses: number;
}

/** A database with the forecasts' room over it, and what puts counts there as collecting does. */
export async function forecastRoom() {
  const db = await database();
  await db.rows('create table samovar.access_bucket_any partition of samovar.access_bucket default');
  const forecasts = createForecasts(db.pool, { retention: { plansMs: 14 * dayMs } });

  const withKeys = (counts: readonly Count[], cache: string, insert: string) =>
    db.rows(
      `with named as (
         insert into samovar.cache (name) select $1 where not exists (select from samovar.cache where name = $1)
         returning id
       ), id as (select id from named union all select id from samovar.cache where name = $1),
       given as (select * from unnest($2::text[], $3::int[], $4::int[]) g (key, bucket, accesses)),
       added as (
         insert into samovar.cache_key (cache_id, key, seen_bucket)
         select id.id, g.key, max(g.bucket) from given g, id
          where not exists (select from samovar.cache_key k where k.cache_id = id.id and k.key = g.key)
          group by 1, 2 returning id, key
       ), known as (
         select id, key from added
         union all select k.id, k.key from samovar.cache_key k, id where k.cache_id = id.id
       )
       insert into samovar.${insert}
       select g.bucket, k.id, g.accesses from given g join known k using (key)`,
      [
        cache,
        counts.map(({ key }) => key),
        counts.map(({ bucket }) => bucket),
        counts.map(({ accesses }) => accesses),
      ],
    );

  return {
    db,
    forecasts,
    /** Counts of hours that are still to be folded. */
    count: (counts: readonly Count[], cache = 'products') =>
      withKeys(counts, cache, 'access_bucket (bucket, key_id, accesses)'),
    /** Counts of hours that have been folded. */
    countLate: (counts: readonly Count[], cache = 'products') =>
      withKeys(counts, cache, 'access_late (bucket, key_id, accesses)'),
    empty: () =>
      db
        .rows(
          `truncate samovar.access_bucket, samovar.access_late, samovar.key_state, samovar.forecast, samovar.cache_key,
                  samovar.cache cascade`,
        )
        .then(() => db.rows('update samovar.fold set upto = null')),
    /** Folds stop when a step's work is done and none of it is committed, at the mark that they move last. */
    holdingMark: (work: (mark: Mark) => Promise<void>) => holdingMark(db, work),
    /** The state of every key, by key. */
    states: async () =>
      new Map(
        (
          await db.rows<State>(
            'select k.key, s.* from samovar.key_state s join samovar.cache_key k on k.id = s.key_id order by 1',
          )
        ).map((state) => [state.key, state]),
      ),
  };
}

export interface Mark {
  /** Resolves with the backends, in the order of their statements, once so many wait for a lock. */
  waiting(count: number): Promise<number[]>;
  release(): Promise<void>;
}

async function holdingMark({ pool, rows }: TestDatabase, work: (mark: Mark) => Promise<void>): Promise<void> {
  await rows(`
    create function samovar.held() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock(1); return new; end $$;
    create trigger held before update on samovar.fold for each row execute function samovar.held()`);
  const holder = await pool.connect();
  const release = async () => void (await holder.query('select pg_advisory_unlock_all()'));
  const waiting = (count: number) =>
    until(async () => {
      const found = await holder.query<{ pid: number }>(
        `select pid from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' order by query_start`,
      );
      return found.rows.length === count && found.rows.map(({ pid }) => pid);
    }, `${count} backends wait for a lock`);
  try {
    await holder.query('select pg_advisory_lock(1)');
    await work({ waiting, release });
  } finally {
    await release();
    holder.release();
    await rows('drop function samovar.held() cascade');
  }
}

export interface State {
  readonly key: string;
  readonly first_bucket: number;
  readonly last_bucket: number;
  readonly accesses: string;
  readonly hours: number[] | null;
  readonly [sum: `e${number}`]: number;
}
