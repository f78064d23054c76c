import type { Pool } from '../connect.ts';
import { hourMs, minuteMs } from '../duration.ts';
import { halfLifeHours } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { decayPerHour } from './fold.ts';

/** A closed hour is left open this long for counts that are still on their way. */
const graceMs = minuteMs;

const columns = halfLifeHours.map((hours) => `e${hours}`);
/** SQL for what is left of one access after `age` hours; 0 where exp() would underflow, which Postgres calls an error. */
const left = (age: string, hours: (typeof halfLifeHours)[number]): string =>
  `case when (${age}) * ${decayPerHour[hours]}::float8 > 60 then 0 else exp((${age}) * ${-decayPerHour[hours]}::float8) end`;

const foldSql = `
  with late as (
    delete from samovar.access_late where bucket <= $2 returning bucket, key_id, accesses
  ), counts as (
    select bucket, key_id, accesses from samovar.access_bucket where bucket > $1 and bucket <= $2
    union all select bucket, key_id, accesses from late
  ), aged as (
    select key_id, accesses, max(bucket) over (partition by key_id) as last_bucket,
           max(bucket) over (partition by key_id) - bucket as age
      from counts
  ), news as (
    select key_id, last_bucket, sum(accesses) as accesses,
           ${halfLifeHours.map((hours) => `sum(accesses * ${left('age', hours)}) as e${hours}`).join(', ')}
      from aged group by key_id, last_bucket
  )
  insert into samovar.key_state as s (key_id, cache_id, last_bucket, accesses, ${columns.join(', ')})
  select n.key_id, k.cache_id, n.last_bucket, n.accesses, ${columns.map((column) => `n.${column}`).join(', ')}
    from news n join samovar.cache_key k on k.id = n.key_id order by n.key_id
  on conflict (key_id) do update set
    last_bucket = greatest(s.last_bucket, excluded.last_bucket),
    accesses = s.accesses + excluded.accesses,
    ${halfLifeHours
      .map(
        (
          hours,
        ) => `e${hours} = s.e${hours} * ${left('greatest(excluded.last_bucket - s.last_bucket, 0)', hours)}
                 + excluded.e${hours} * ${left('greatest(s.last_bucket - excluded.last_bucket, 0)', hours)}`,
      )
      .join(',\n    ')}`;

/**
 * Adds every closed hour that is not in the state yet, each exactly once: the mark of the last folded hour moves in the
 * same transaction, under a lock. Counts that came late for a folded hour are added with the weight of their age.
 */
export async function foldClosed(pool: Pool, now: number): Promise<{ buckets: number; keys: number }> {
  const closed = Math.floor((now - graceMs) / hourMs) - 1;
  return transaction(pool, async (client) => {
    const { rows } = await client.query<{ upto: number | null; late: boolean }>(
      'select upto, exists (select from samovar.access_late where bucket <= $1) as late from samovar.fold for update',
      [closed],
    );
    const { upto, late } = rows[0]!;
    const after = upto ?? -1;
    if (after >= closed && !late) return { buckets: 0, keys: 0 };
    const to = Math.max(after, closed);
    const { rowCount } = await client.query(foldSql, [after, to]);
    await client.query('update samovar.fold set upto = $1', [to]);
    return { buckets: upto === null ? 0 : to - after, keys: rowCount ?? 0 };
  });
}
