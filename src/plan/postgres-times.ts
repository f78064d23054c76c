import type { Pool } from '../connect.ts';
import { dayMs } from '../duration.ts';
import type { KeptSlot, WarmTime } from '../rooms.ts';
import { transaction } from '../transaction.ts';

/** Slots are seen this long after their group has risen. */
const keptForMs = dayMs;

interface Row {
  readonly cache: string;
  readonly by: number;
  readonly at: number;
  readonly keys: number;
  readonly is_begun: boolean;
}

/** Slots whose group has not risen yet, earliest first, and when they were proposed. */
export async function keptSlots(
  pool: Pool,
  now: number,
): Promise<{ madeAt?: number; slots: readonly KeptSlot[] }> {
  const made = await pool.query<{ at: number }>(
    'select (extract(epoch from made_at) * 1000)::float8 as at from samovar.warm_proposal',
  );
  const { rows } = await pool.query<Row>(
    `select c.name as cache, (extract(epoch from s.warm_by) * 1000)::float8 as by,
            (extract(epoch from s.at) * 1000)::float8 as at, s.keys, s.begun_at is not null as is_begun
       from samovar.warm_slot s join samovar.cache c on c.id = s.cache_id
      where s.warm_by > to_timestamp($1::float8 / 1000) order by s.at, s.warm_by, c.name`,
    [now],
  );
  const [last] = made.rows;
  return {
    ...(last === undefined ? {} : { madeAt: Math.round(last.at) }),
    slots: rows.map(({ is_begun, by, at, ...slot }) => ({
      ...slot,
      by: Math.round(by),
      at: Math.round(at),
      isBegun: is_begun,
    })),
  };
}

/** Keeps a proposal in place of the one before; a group of which a slot has begun stays as it is. Answers with the slots kept. */
export async function keepTimes(pool: Pool, times: readonly WarmTime[], now: number): Promise<number> {
  const slots = times.flatMap(({ cache, by, slots }) =>
    slots.map(({ at, keys }) => ({ cache, by, at, keys })),
  );
  return transaction(pool, async (client) => {
    await client.query('lock table samovar.warm_slot in share row exclusive mode');
    await client.query(
      `insert into samovar.warm_proposal (made_at) values (to_timestamp($1::float8 / 1000))
       on conflict (one) do update set made_at = excluded.made_at`,
      [now],
    );
    await client.query(
      `delete from samovar.warm_slot s
        where s.warm_by <= to_timestamp($2::float8 / 1000)
           or not exists (select from samovar.warm_slot b
                           where b.cache_id = s.cache_id and b.warm_by = s.warm_by and b.begun_at is not null)
              and s.warm_by > to_timestamp($1::float8 / 1000)`,
      [now, now - keptForMs],
    );
    const { rowCount } = await client.query(
      `insert into samovar.warm_slot (cache_id, warm_by, at, keys)
       select c.id, to_timestamp(g.by / 1000), to_timestamp(g.at / 1000), g.keys
         from unnest($1::text[], $2::float8[], $3::float8[], $4::int[]) g (cache, by, at, keys)
         join samovar.cache c on c.name = g.cache
        where not exists (select from samovar.warm_slot b
                           where b.cache_id = c.id and b.warm_by = to_timestamp(g.by / 1000))
       on conflict do nothing`,
      [
        slots.map(({ cache }) => cache),
        slots.map(({ by }) => by),
        slots.map(({ at }) => at),
        slots.map(({ keys }) => keys),
      ],
    );
    return rowCount ?? 0;
  });
}

/** Notes that the slots of a group up to an instant have begun. */
export async function beginSlot(
  pool: Pool,
  { cache, by, at }: Pick<KeptSlot, 'cache' | 'by' | 'at'>,
  now: number,
): Promise<void> {
  await pool.query(
    `update samovar.warm_slot s set begun_at = to_timestamp($4::float8 / 1000)
       from samovar.cache c
      where c.id = s.cache_id and c.name = $1 and s.warm_by = to_timestamp($2::float8 / 1000)
        and s.at <= to_timestamp($3::float8 / 1000) and s.begun_at is null`,
    [cache, by, at, now],
  );
}
