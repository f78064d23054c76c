import type { Pool } from '../connect.ts';
import { transaction } from '../transaction.ts';
import { leftSql } from './fold.ts';
import { lockFold } from './postgres-fold.ts';

/** A key whose longest memory has sunk below this many accesses is forgotten: two of them, five weeks ago. */
const faded = 0.05;
const statesAtOnce = 10_000;
const forecastsAtOnce = 100;

/** Forgets keys that fell silent while their cache was read on; a cache that nobody reads keeps what it was. */
export const pruneStates = (pool: Pool): Promise<number> =>
  inBatches(statesAtOnce, () =>
    transaction(pool, async (client) => {
      // A fold in between could add to a row that is about to go.
      await lockFold(client);
      const { rowCount } = await client.query(
        `delete from samovar.key_state where key_id in (
           select s.key_id
             from samovar.key_state s
             join samovar.cache c on c.id = s.cache_id
            where s.e168 * ${leftSql('c.last_bucket - s.last_bucket', 168)} < $1 limit $2)`,
        [faded, statesAtOnce],
      );
      return rowCount ?? 0;
    }),
  );

/** Drops forecasts made before an instant. */
export const pruneForecasts = (pool: Pool, before: number): Promise<number> =>
  inBatches(forecastsAtOnce, async () => {
    const { rowCount } = await pool.query(
      `delete from samovar.forecast where id in (
         select id from samovar.forecast where at < to_timestamp($1::float8 / 1000) limit $2)`,
      [before, forecastsAtOnce],
    );
    return rowCount ?? 0;
  });

async function inBatches(size: number, batch: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let last = size; last === size; total += last) last = await batch();
  return total;
}
