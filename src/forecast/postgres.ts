import type { Clock } from '../clock.ts';
import type { Pool } from '../connect.ts';
import { hourMs } from '../duration.ts';
import {
  type Candidate,
  type Forecast,
  type ForecastRow,
  type HalfLifeHours,
  halfLifeHours,
  type Reads,
  type Writes,
} from '../rooms.ts';
import { blend } from './blend.ts';
import { decayed, decayPerHour, ratePerHour } from './fold.ts';
import { foldClosed } from './postgres-fold.ts';
import type { Scorer } from './scorer.ts';

export type Forecasts = Reads['forecasts'] & Writes['forecasts'];

interface StateRow extends Record<`e${HalfLifeHours}`, number> {
  key: string;
  last_bucket: number;
  accesses: string;
  cost_ms: number | null;
  size_bytes: number | null;
}

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

/** State rows whose longest memory is below this are dropped: nobody has read their keys for months. */
const faded = 0.001;

/** Decayed rates ranked without touching the clock: only rows that might be hot at some half-life leave Postgres. */
const candidatesSql = `
  select k.key, s.last_bucket, s.accesses, k.cost_ms, k.size_bytes, ${halfLifeHours.map((hours) => `s.e${hours}`).join(', ')}
    from samovar.key_state s join samovar.cache_key k on k.id = s.key_id
   where s.key_id in (
     select key_id from (
       select t.key_id, greatest(${halfLifeHours
         .map((hours) => {
           const c = decayPerHour[hours];
           return `t.e${hours} * ${1 - Math.exp(-c)}::float8 * case when ($2 - t.last_bucket) * ${c}::float8 > 60 then 0 else exp(($2 - t.last_bucket) * ${-c}::float8) end`;
         })
         .join(', ')}) as rate
         from samovar.key_state t where t.cache_id = (select id from samovar.cache where name = $1)
     ) ranked where rate > 0 order by rate desc limit $3)`;

/** What will be read: the state of every key, folded once an hour, and the forecasts made from it. */
export function createForecasts(
  pool: Pool,
  { retention, scorer = blend }: { clock: Clock; retention: { plansMs: number }; scorer?: Scorer },
): Forecasts {
  return {
    fold: (now) => foldClosed(pool, now),

    async forecast(cache, { now, horizonMs, most }) {
      const bucket = Math.floor(now / hourMs) - 1;
      const { rows } = await pool.query<StateRow>(candidatesSql, [cache, bucket, most]);
      const scored = rows.map((row): ForecastRow => {
        const candidate = toCandidate(row, bucket);
        return {
          key: candidate.key,
          ...scorer.score(candidate, { now, horizonMs }),
          ...(candidate.costMs === undefined ? {} : { costMs: candidate.costMs }),
          ...(candidate.bytes === undefined ? {} : { bytes: candidate.bytes }),
        };
      });
      scored.sort((a, b) => b.heat - a.heat || (a.key < b.key ? -1 : 1));
      return { cache, at: now, horizonMs, scorer: scorer.name, rows: scored };
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
          rows.map((row) => row.heat),
          rows.map((row) => row.costMs ?? null),
          rows.map((row) => row.bytes ?? null),
          names,
          rows.flatMap((row) => row.terms.map((term) => term.heat)),
        ],
      );
      return kept.rows[0]?.id ?? 0;
    },

    async latest(cache) {
      const { rows } = await pool.query<KeptRow>(
        `select (extract(epoch from f.at) * 1000)::float8 as at, f.horizon_ms, f.scorer, f.keys, f.heats, f.costs, f.sizes,
                f.term_names, f.terms
           from samovar.forecast f join samovar.cache c on c.id = f.cache_id
          where c.name = $1 order by f.at desc limit 1`,
        [cache],
      );
      return rows[0] && toForecast(cache, rows[0]);
    },

    async prune(now) {
      const faint = await pool.query(
        `delete from samovar.key_state
          where e168 * case when ($1 - last_bucket) * ${decayPerHour[168]}::float8 > 60 then 0
                            else exp(($1 - last_bucket) * ${-decayPerHour[168]}::float8) end < ${faded}`,
        [Math.floor(now / hourMs)],
      );
      const old = await pool.query(
        'delete from samovar.forecast where at < to_timestamp($1::float8 / 1000)',
        [now - retention.plansMs],
      );
      return { states: faint.rowCount ?? 0, forecasts: old.rowCount ?? 0 };
    },
  };
}

function toCandidate(row: StateRow, bucket: number): Candidate {
  const age = Math.max(0, bucket - row.last_bucket);
  const rates = Object.fromEntries(
    halfLifeHours.map((hours) => {
      const perHour = decayPerHour[hours];
      return [hours, ratePerHour(row[`e${hours}`] * decayed(age, perHour), perHour)];
    }),
  ) as Record<HalfLifeHours, number>;
  return {
    key: row.key,
    rates,
    lastBucket: row.last_bucket,
    accesses: Number(row.accesses),
    ...(row.cost_ms === null ? {} : { costMs: row.cost_ms }),
    ...(row.size_bytes === null ? {} : { bytes: row.size_bytes }),
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
