import type { Clock } from '../clock.ts';
import type { Pool, PoolClient } from '../connect.ts';
import type { Emitter } from '../events.ts';
import type { AccessBatch, CallerCount, CollectResult, Reads, Writes } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { type AccessRetention, type Horizon, horizonAt } from './horizon.ts';
import { cacheIds } from './postgres-caches.ts';
import { addCounts, makeCountTable } from './postgres-counts.ts';
import { addFills, addUses } from './postgres-fills.ts';
import { lockCounts, makePartitions } from './postgres-partitions.ts';
import { pruneAccess } from './postgres-prune.ts';

export interface BucketsOptions {
  readonly clock: Clock;
  readonly retention: AccessRetention;
  /** Hears of `warm:used` and `refresh:used`. */
  readonly events?: Pick<Emitter, 'emit'>;
}

export type Buckets = Reads['buckets'] & Writes['buckets'];

const nothing: CollectResult = {
  messages: 0,
  accesses: 0,
  admitted: 0,
  waiting: 0,
  used: 0,
  dropped: 0,
  unreadable: 0,
};

/** Reads per cache, key and hour, in Postgres. */
export function createBuckets(pool: Pool, { clock, retention, events }: BucketsOptions): Buckets {
  let madeFor: number | undefined;

  const ensurePartitions = async (horizon: Horizon) => {
    if (madeFor === horizon.today) return;
    await makePartitions(pool, horizon);
    madeFor = horizon.today;
  };

  return {
    async cursors() {
      const { rows } = await pool.query<{ log: string; upto: string }>(
        'select log, upto from samovar.access_cursor',
      );
      return Object.fromEntries(rows.map(({ log, upto }) => [log, upto]));
    },

    async add(batch) {
      const horizon = horizonAt(clock.now(), retention);
      await ensurePartitions(horizon);
      const caches = await cacheIds(pool, namesIn(batch));
      try {
        const { result, used } = await transaction(pool, async (client) => {
          await lockCounts(client);
          if (!(await moveCursor(client, batch, horizon.now)))
            return { result: nothing, used: { warms: [], refreshes: [] } };
          return addBatch(client, batch, caches, horizon);
        });
        for (const event of used.warms) events?.emit('warm:used', event);
        for (const event of used.refreshes) events?.emit('refresh:used', event);
        return result;
      } catch (error) {
        // Another process whose clock is ahead may have dropped one.
        madeFor = undefined;
        throw error;
      }
    },

    prune: (now) => pruneAccess(pool, horizonAt(now, retention)),
  };
}

const namesIn = (batch: AccessBatch): Set<string> =>
  new Set([...batch.counts, ...batch.callers, ...batch.fills].map(({ cache }) => cache));

/** False when the cursor is not where the batch begins. */
async function moveCursor(client: PoolClient, { log, after, upto }: AccessBatch, now: number) {
  const { rowCount } = await client.query(
    `insert into samovar.access_cursor as c (log, upto, moved_at)
     select $1, $3, to_timestamp($4 / 1000.0)
      where $2 = '0-0' or exists (select from samovar.access_cursor where log = $1)
     on conflict (log) do update set upto = excluded.upto, moved_at = excluded.moved_at where c.upto = $2`,
    [log, after, upto, now],
  );
  return rowCount === 1;
}

async function addBatch(
  client: PoolClient,
  batch: AccessBatch,
  caches: ReadonlyMap<string, number>,
  horizon: Horizon,
) {
  const { counts } = batch;
  let added = { admitted: 0, waiting: 0 };
  if (counts.length > 0) {
    await makeCountTable(client, 'samovar_batch', 'delete');
    await client.query(
      `insert into samovar_batch (cache_id, key, bucket, accesses, misses)
       select * from unnest($1::smallint[], $2::text[], $3::int[], $4::int[], $5::int[])`,
      [
        counts.map(({ cache }) => caches.get(cache)),
        counts.map(({ key }) => key),
        counts.map(({ bucket }) => bucket),
        counts.map(({ accesses }) => accesses),
        counts.map(({ misses }) => misses),
      ],
    );
    added = await addCounts(client, 'samovar_batch', horizon);
  }
  await addCallers(client, batch.callers, caches, horizon);
  await addFills(client, batch.fills, caches);
  const used = await addUses(client, batch.used);
  const result: CollectResult = {
    messages: batch.messages,
    accesses: counts.reduce((sum, { accesses }) => sum + accesses, 0),
    admitted: added.admitted,
    waiting: added.waiting,
    used: used.warms.reduce((sum, { entries }) => sum + entries, 0),
    dropped: batch.dropped,
    unreadable: batch.unreadable,
  };
  return { result, used };
}

/** Adds reads by kind of caller, within the caller's transaction; of imported ones nobody knows which were hits. */
export async function addCallers(
  client: PoolClient,
  callers: readonly CallerCount[],
  caches: ReadonlyMap<string, number>,
  horizon: Horizon,
  { isImport = false }: { readonly isImport?: boolean } = {},
): Promise<void> {
  if (callers.length === 0) return;
  await client.query(
    `insert into samovar.access_caller as a (bucket, cache_id, caller, accesses, misses, imported)
     select least(bucket, $6), cache_id, caller, sum(accesses), sum(misses), case when $7 then sum(accesses) else 0 end
       from unnest($1::int[], $2::smallint[], $3::text[], $4::bigint[], $5::bigint[])
            c (bucket, cache_id, caller, accesses, misses)
      group by 1, 2, 3 order by 1, 2, 3
     on conflict (bucket, cache_id, caller) do update
       set accesses = a.accesses + excluded.accesses, misses = a.misses + excluded.misses,
           imported = a.imported + excluded.imported`,
    [
      callers.map(({ bucket }) => bucket),
      callers.map(({ cache }) => caches.get(cache)),
      callers.map(({ caller }) => caller),
      callers.map(({ accesses }) => accesses),
      callers.map(({ misses }) => misses),
      horizon.bucket,
      isImport,
    ],
  );
}
