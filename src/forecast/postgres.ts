import type { Pool } from '../connect.ts';
import { hourMs } from '../duration.ts';
import type { Candidate, Forecast, ForecastRow, Reads, Writes } from '../rooms.ts';
import { confidenceOf } from './choice.ts';
import { experts as builtIn } from './experts.ts';
import { readCandidates } from './postgres-candidates.ts';
import { readChances } from './postgres-chances.ts';
import { chosenOf, readBench } from './postgres-choice.ts';
import { foldClosed } from './postgres-fold.ts';
import { pruneForecasts, pruneStates } from './postgres-prune.ts';
import { scoreAt, sound } from './rank.ts';
import { groupByRise, risesIn } from './rise.ts';
import type { Candidates, Score, Scorer } from './scorer.ts';

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
  confidence: number | null;
}

/** What will be read: the state of every key, folded once an hour, and the forecasts made from it. */
export function createForecasts(
  pool: Pool,
  {
    retention,
    scorer: fixed,
    experts: own = [],
  }: { retention: { plansMs: number }; scorer?: Scorer; experts?: readonly Scorer[] },
): Forecasts {
  const experts = [...builtIn, ...own];
  return {
    fold: (now) => foldClosed(pool, experts, now),

    async forecast(cache, { now, horizonMs, most, rising = false }) {
      const bench = await readBench(pool, cache, experts);
      const scorer = fixed ?? chosenOf(bench, experts);
      const echoFor = scorer.needsEcho ? hourAhead(now, horizonMs) : undefined;
      const { candidates, lastBucket } = await readCandidates(pool, cache, { now, most, echoFor });
      const at = scoreAt(candidates, { now, horizonMs, lastBucket, learned: bench.learned });
      const confidence = confidenceOf(bench.standings, scorer.name);
      const isAsked = rising ? risesIn(Math.floor(now / hourMs) % 24, candidates) : () => true;
      // Told in full only of those that are wanted.
      const rows = bestOf(candidates, { most, isAsked, heatOf: (each) => sound(scorer.heat(each, at)) }).map(
        (position): ForecastRow => {
          const candidate = candidates.at(position)!;
          const { key, costMs, bytes } = candidate;
          return {
            key,
            ...soundScore(scorer.score(candidate, at)),
            ...(costMs === undefined ? {} : { costMs }),
            ...(bytes === undefined ? {} : { bytes }),
          };
        },
      );
      return {
        cache,
        at: now,
        horizonMs,
        scorer: scorer.name,
        ...(confidence === undefined ? {} : { confidence }),
        rows,
      };
    },

    async rises(cache, { now, most }) {
      const bench = await readBench(pool, cache, experts);
      const { candidates } = await readCandidates(pool, cache, { now, most });
      const confidence = confidenceOf(bench.standings, (fixed ?? chosenOf(bench, experts)).name);
      let knownHours = 0;
      for (let i = 0; i < candidates.length; i++)
        knownHours = Math.max(knownHours, candidates.at(i)!.knownHours);
      return {
        knownHours,
        rises: groupByRise(candidates),
        ...(confidence === undefined ? {} : { confidence }),
      };
    },

    async keep({ cache, at, horizonMs, scorer: name, confidence, rows }) {
      const names = rows[0]?.terms.map((term) => term.name) ?? [];
      const kept = await pool.query<{ id: number }>(
        `insert into samovar.forecast (cache_id, at, horizon_ms, scorer, keys, heats, costs, sizes, term_names, terms, confidence)
         select id, to_timestamp($2::float8 / 1000), $3, $4, $5, $6, $7, $8, $9, $10, $11 from samovar.cache where name = $1
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
          confidence ?? null,
        ],
      );
      return kept.rows[0]?.id ?? 0;
    },

    async latest(cache) {
      const { rows } = await pool.query<KeptRow>(
        `select (extract(epoch from f.at) * 1000)::float8 as at, f.horizon_ms, f.scorer, f.keys, f.heats, f.costs, f.sizes,
                f.term_names, f.terms, f.confidence
           from samovar.forecast f join samovar.cache c on c.id = f.cache_id
          where c.name = $1 order by f.at desc, f.id desc limit 1`,
        [cache],
      );
      return rows[0] && toForecast(cache, rows[0]);
    },

    chances: (cache, asked, now) => readChances(pool, cache, asked, now),

    async standings(cache) {
      return (await readBench(pool, cache, experts)).standings.slice();
    },

    async choices(cache) {
      return (await readBench(pool, cache, experts)).choices.slice();
    },

    prune: async (now) => ({
      states: await pruneStates(pool),
      forecasts: await pruneForecasts(pool, now - retention.plansMs),
    }),
  };
}

/** Positions of the hottest of those that are asked about, hottest first; of equals in the order of their keys. */
function bestOf(
  candidates: Candidates,
  {
    most,
    isAsked,
    heatOf,
  }: { most: number; isAsked(candidate: Candidate): boolean; heatOf(candidate: Candidate): number },
): number[] {
  const found: { readonly position: number; readonly key: string; readonly heat: number }[] = [];
  for (let position = 0; position < candidates.length; position++) {
    const candidate = candidates.at(position)!;
    if (isAsked(candidate)) found.push({ position, key: candidate.key, heat: heatOf(candidate) });
  }
  found.sort((a, b) => b.heat - a.heat || (a.key < b.key ? -1 : 1));
  return found.slice(0, most).map(({ position }) => position);
}

/** The hour that most of the next one falls into. */
const hourAhead = (now: number, horizonMs: number): number =>
  Math.floor((now + Math.min(horizonMs, hourMs) / 2) / hourMs);

const soundScore = (score: Score): Score => ({ ...score, heat: sound(score.heat) });

function toForecast(cache: string, kept: KeptRow): Forecast {
  const names = kept.term_names;
  return {
    cache,
    at: Math.round(kept.at),
    horizonMs: Number(kept.horizon_ms),
    scorer: kept.scorer,
    ...(kept.confidence === null ? {} : { confidence: kept.confidence }),
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
