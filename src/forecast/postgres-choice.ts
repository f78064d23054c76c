import type { Pool, PoolClient } from '../connect.ts';
import { hourMs } from '../duration.ts';
import type { Choice, Standing } from '../rooms.ts';
import { choose, judged, judgedBy, noMarks, scoreOf } from './choice.ts';
import { candidatesOf } from './postgres-candidates.ts';
import type { ReadCache } from './postgres-fold-hour.ts';
import { learnAll, rankAll, scoreAt } from './rank.ts';
import type { Scorer } from './scorer.ts';

/** Keys by which an hour is judged at most, and candidates for each of them. */
const mostKeys = 3_000;
const spare = 3;
/** Choices that are kept of a cache. */
const mostChoices = 100;

/** How the experts did in an hour, and who is chosen for the next. */
export interface Verdict extends Kept {
  readonly standings: readonly Standing[];
  readonly first: string;
}

/**
 * Asks every expert about an hour, by what was known of a cache before it, and judges them by what came. Undefined where
 * nothing was known.
 */
export async function hear(
  client: PoolClient,
  experts: readonly Scorer[],
  { id, name, keys }: ReadCache,
  bucket: number,
): Promise<Verdict | undefined> {
  const size = Math.min(mostKeys, judgedBy(keys));
  const range = { closed: bucket - 1, open: -1, most: spare * size, echoFor: bucket };
  const { candidates, keyIds, lastBucket } = await candidatesOf(client, name, range);
  if (candidates.length === 0) return undefined;
  const before = await standingsOf(client, id, experts);
  // Of the hour's keys only those that were asked about: it may have had a hundred times as many.
  const { rows } = await client.query<{ key_id: number }>(
    `select b.key_id from unnest($2::int[]) k
      cross join lateral (select * from samovar.access_bucket b where b.bucket = $1 and b.key_id = k limit 1) b
      where b.accesses > 0`,
    [bucket, `{${keyIds.join(',')}}`],
  );
  const wasRead = new Set(rows.map((row) => row.key_id));
  const isRead = (i: number) => wasRead.has(keyIds[i]!);
  const learned = learnedOf(before);
  const at = scoreAt(candidates, { now: bucket * hourMs, horizonMs: hourMs, lastBucket, learned });
  const ranked = rankAll(experts, candidates, at, size);
  const after = experts.map((expert) => {
    const { marks = noMarks, hours = 0, upto = bucket - 1, since = bucket } = before.get(expert.name) ?? {};
    const precision = ranked.get(expert.name)!.filter(isRead).length / size;
    return {
      name: expert.name,
      marks: judged(marks, precision, bucket - upto),
      hours: hours + 1,
      since,
    };
  });
  return {
    id,
    bucket,
    after,
    learned: learnAll(experts, { candidates, at, isRead }),
    standings: after.map((each) => ({ ...each, score: scoreOf(each.marks, bucket - each.since + 1) })),
    first: experts[0]!.name,
  };
}

export async function keepVerdict(client: PoolClient, verdict: Verdict): Promise<void> {
  await keepStandings(client, verdict);
  await keepChoice(client, verdict);
}

interface Kept {
  readonly id: number;
  readonly bucket: number;
  readonly after: readonly Omit<Judged, 'score' | 'upto' | 'learned'>[];
  readonly learned: ReadonlyMap<string, readonly number[]>;
}

async function keepStandings(client: PoolClient, { id, bucket, after, learned }: Kept): Promise<void> {
  await client.query(
    `insert into samovar.expert (cache_id, name, score, long, hours, since, upto, learned)
     select $1, n.name, n.score, n.long, n.hours, n.since, $2,
            (select array_agg(v::float8 order by i) from jsonb_array_elements_text(nullif(n.learned, 'null')) with ordinality e (v, i))
       from unnest($3::text[], $4::float8[], $5::float8[], $6::int[], $7::int[], $8::jsonb[])
            n (name, score, long, hours, since, learned)
     on conflict (cache_id, name) do update
       set score = excluded.score, long = excluded.long, hours = excluded.hours, upto = excluded.upto,
           learned = excluded.learned
     where expert.upto < excluded.upto`,
    [
      id,
      bucket,
      after.map(({ name }) => name),
      after.map(({ marks }) => marks.lately),
      after.map(({ marks }) => marks.long),
      after.map(({ hours }) => hours),
      after.map(({ since }) => since),
      after.map(({ name }) => JSON.stringify(learned.get(name) ?? null)),
    ],
  );
}

/** Only changes are kept: who was chosen at any hour is who was chosen last before it. */
async function keepChoice(client: PoolClient, { id, bucket, standings, first }: Verdict): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    'select name from samovar.expert_choice where cache_id = $1 order by bucket desc limit 1',
    [id],
  );
  const before = rows[0]?.name;
  const chosen = choose(standings, before ?? first);
  if (chosen === undefined || chosen.name === before) return;
  await client.query(
    `with kept as (
       insert into samovar.expert_choice (cache_id, bucket, name, margin) values ($1, $2, $3, $4)
       on conflict (cache_id, bucket) do update set name = excluded.name, margin = excluded.margin
     )
     delete from samovar.expert_choice where cache_id = $1 and bucket < (
       select bucket from samovar.expert_choice where cache_id = $1 order by bucket desc offset ${mostChoices - 1} limit 1)`,
    [id, bucket + 1, chosen.name, chosen.margin],
  );
}

interface Judged extends Standing {
  readonly marks: { readonly lately: number; readonly long: number };
  readonly since: number;
  readonly upto: number;
  readonly learned: readonly number[] | null;
}

/** How the experts of this build and configuration stand with a cache; those that are gone are left out. */
async function standingsOf(
  client: Pool | PoolClient,
  cacheId: number,
  experts: readonly Scorer[],
): Promise<Map<string, Judged>> {
  const { rows } = await client.query<Omit<Judged, 'marks'> & { long: number }>(
    'select name, score, long, hours, since, upto, learned from samovar.expert where cache_id = $1 order by name',
    [cacheId],
  );
  const own = rows.filter(({ name }) => experts.some((expert) => expert.name === name));
  return new Map(
    own.map((row) => {
      const marks = { lately: row.score, long: row.long };
      return [row.name, { ...row, marks, score: scoreOf(marks, row.upto - row.since + 1) }];
    }),
  );
}

const learnedOf = (standings: ReadonlyMap<string, Judged>): Map<string, readonly number[]> =>
  new Map(
    Array.from(standings.values()).flatMap(({ name, learned }) =>
      learned === null ? [] : [[name, learned]],
    ),
  );

/** What is known of a cache's experts: the best first, what they learned, and who was chosen when, the newest first. */
export interface Bench {
  readonly standings: readonly Standing[];
  readonly learned: ReadonlyMap<string, readonly number[]>;
  readonly choices: readonly Choice[];
}

export async function readBench(pool: Pool, cache: string, experts: readonly Scorer[]): Promise<Bench> {
  const { rows: known } = await pool.query<{ id: number }>('select id from samovar.cache where name = $1', [
    cache,
  ]);
  if (known[0] === undefined) return { standings: [], learned: new Map(), choices: [] };
  const { id } = known[0];
  const all = await standingsOf(pool, id, experts);
  const standings = Array.from(all.values(), ({ name, score, hours }) => ({ name, score, hours }));
  const { rows } = await pool.query<{ name: string; bucket: number; margin: number }>(
    'select name, bucket, margin from samovar.expert_choice where cache_id = $1 order by bucket desc',
    [id],
  );
  return {
    standings: standings.sort((a, b) => b.score - a.score || (a.name < b.name ? -1 : 1)),
    learned: learnedOf(all),
    // What its lead is now, of who is chosen now; what it was when they were chosen, of those before.
    choices: rows.map(({ name, bucket, margin }, i) => ({
      name,
      margin: i === 0 ? leadOf(name, standings, margin) : margin,
      since: bucket * hourMs,
    })),
  };
}

function leadOf(name: string, standings: readonly Standing[], otherwise: number): number {
  const own = standings.find((each) => each.name === name);
  const other = standings.find((each) => each.name !== name);
  return own === undefined || other === undefined ? otherwise : own.score - other.score;
}

/** The expert that a cache's forecasts are made by: the first of them until enough was judged, or when the chosen one is gone. */
export function chosenOf({ choices }: Bench, experts: readonly Scorer[]): Scorer {
  return experts.find(({ name }) => name === choices[0]?.name) ?? experts[0]!;
}
