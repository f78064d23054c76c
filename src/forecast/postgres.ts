import type { Pool } from '../connect.ts';
import type { Forecast, ForecastRow, Reads, Writes } from '../rooms.ts';
import { blend } from './blend.ts';
import { readCandidates } from './postgres-candidates.ts';
import { readChances } from './postgres-chances.ts';
import { chosenFor, readStandings } from './postgres-choice.ts';
import { foldClosed } from './postgres-fold.ts';
import { pruneForecasts, pruneStates } from './postgres-prune.ts';
import { scoreAt } from './rank.ts';
import type { Scorer } from './scorer.ts';

export type Forecasts = Reads['forecasts'] & Writes['forecasts'];

interface KeptRow {
  at: number;
  horizon_ms: string;
  scorer: string;
  keys: string[];
  heats: number[];
  costs: (number | null)[];
  sizes: (number | null)[];
  term_names: string[];
  terms: number[];
}

/** What will be read: the state of every key, folded once an hour, and the forecasts made from it. */
export function createForecasts(
  pool: Pool,
  { retention, scorer: fixed }: { retention: { plansMs: number }; scorer?: Scorer },
): Forecasts {
  return {
    fold: (now) => foldClosed(pool, now),

    async forecast(cache, { now, horizonMs, most }) {
      const { candidates, lastBucket } = await readCandidates(pool, cache, { now, most });
      const scorer = fixed ?? (await chosenFor(pool, cache)) ?? blend;
      const at = scoreAt(candidates, { now, horizonMs, lastBucket });
      const rows = candidates.map((candidate): ForecastRow => {
        const { key, costMs, bytes } = candidate;
        return {
          key,
          ...scorer.score(candidate, at),
          ...(costMs === undefined ? {} : { costMs }),
          ...(bytes === undefined ? {} : { bytes }),
        };
      });
      rows.sort((a, b) => b.heat - a.heat || (a.key < b.key ? -1 : 1));
      return { cache, at: now, horizonMs, scorer: scorer.name, rows: rows.slice(0, most) };
    },

    async keep({ cache, at, horizonMs, scorer: name, rows }) {
      const names = rows[0]?.terms.map((term) => term.name) ?? [];
      const kept = await pool.query<{ id: number }>(
        `insert into samovar.forecast (cache_id, at, horizon_ms, scorer, keys, heats, costs, sizes, term_names, terms)
         select id, to_timestamp($2::float8 / 1000), $3, $4, $5, $6, $7, $8, $9, $10 from samovar.cache where name = $1
         returning id`,
        [
          cache,
          at,
          Math.round(horizonMs),
          name,
          rows.map((row) => row.key),
          rows.map((row) => Math.fround(row.heat)),
          rows.map((row) => row.costMs ?? null),
          rows.map((row) => row.bytes ?? null),
          names,
          rows.flatMap((row) => row.terms.map((term) => Math.fround(term.heat))),
        ],
      );
      return kept.rows[0]?.id ?? 0;
    },

    async latest(cache) {
      const { rows } = await pool.query<KeptRow>(
        `select (extract(epoch from f.at) * 1000)::float8 as at, f.horizon_ms, f.scorer, f.keys, f.heats, f.costs, f.sizes,
                f.term_names, f.terms
           from samovar.forecast f join samovar.cache c on c.id = f.cache_id
          where c.name = $1 order by f.at desc, f.id desc limit 1`,
        [cache],
      );
      return rows[0] && toForecast(cache, rows[0]);
    },

    chances: (cache, asked, now) => readChances(pool, cache, asked, now),

    standings: (cache) => readStandings(pool, cache),

    prune: async (now) => ({
      states: await pruneStates(pool),
      forecasts: await pruneForecasts(pool, now - retention.plansMs),
    }),
  };
}

function toForecast(cache: string, kept: KeptRow): Forecast {
  const names = kept.term_names;
  return {
    cache,
    at: Math.round(kept.at),
    horizonMs: Number(kept.horizon_ms),
    scorer: kept.scorer,
    rows: kept.keys.map((key, i): ForecastRow => {
      const [costMs, bytes] = [kept.costs[i], kept.sizes[i]];
      return {
        key,
        heat: kept.heats[i]!,
        terms: names.map((name, t) => ({ name, heat: kept.terms[i * names.length + t]! })),
        ...(costMs == null ? {} : { costMs }),
        ...(bytes == null ? {} : { bytes }),
      };
    }),
  };
}
