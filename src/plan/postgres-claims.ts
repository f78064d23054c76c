import { randomUUID } from 'node:crypto';
import type { Pool } from '../connect.ts';
import type { Claim, ClaimedChunk, FillReport, RunState } from '../rooms.ts';
import { letterOf, lettersOf, plannedIn } from './letters.ts';

interface Wanted {
  readonly worker: string;
  readonly now: number;
  readonly leaseMs: number;
}

interface Row {
  readonly chunk: number;
  readonly first_row: number;
  /** As JSON: the driver's own way with arrays costs ten times as much. */
  readonly keys: string[];
  readonly results: string;
  readonly ends_at: number;
}

/** How long a lane waits at most before it asks again for a chunk that others hold. */
const longestWaitMs = 1_000;
const shortestWaitMs = 50;
const longestError = 500;

/** The run, while chunks of it may be taken, as `run`; the next chunk of it, as `next`. Of $1 plan and $2 now in ms. */
const findNext = `
  run as (
    select id, deadline_at from samovar.plan
     where id = $1 and state in ('queued', 'running') and why is null
       and deadline_at > to_timestamp($2::float8 / 1000)
  ), next as (
    select c.plan_id, c.chunk from samovar.plan_chunk c
     where c.plan_id = (select id from run) and c.state <> 'settled'
       and (c.state = 'planned' or (c.state = 'claimed' and c.claimed_until <= to_timestamp($2::float8 / 1000)))`;

const takeFirst = 'order by c.chunk limit 1 for update of c skip locked';

/** Of $3 holder and $4 the claim's end in ms. A claim or its settling that a crash of Postgres undoes is made again; neither waits for the disk. */
const takeNext = `
  update samovar.plan_chunk c
     set state = 'claimed', worker = $3, claimed_until = to_timestamp($4::float8 / 1000)
    from next where c.plan_id = next.plan_id and c.chunk = next.chunk
  returning c.chunk, c.first_row, to_json(c.keys) as keys, c.results,
            (select extract(epoch from deadline_at) * 1000 from run)::float8 as ends_at,
            set_config('synchronous_commit', 'off', true)`;

/** Of $5 chunk, $6 its holder, $7 letters, $8 rows, $9 bytes, $10 ms of loading and $11 error, besides $1 plan and $2 now. */
const settleHeld = `
  held as (
    select plan_id, chunk,
           case when length(results) = length($7::text) then $7 else (
             select string_agg(coalesce(told.letter, substr(c.results, i, 1)), '' order by i)
               from generate_series(1, length(c.results)) i
               left join unnest($8::int[], string_to_array($7, null)) told (row, letter)
                 on told.row = c.first_row + i - 1) end as results
      from samovar.plan_chunk c
     where plan_id = $1 and chunk = $5 and state = 'claimed' and worker = $6 for update
  ), settled as (
    update samovar.plan_chunk c
       set results = h.results, worker = null, claimed_until = null, bytes = c.bytes + $9,
           state = case when position('${letterOf.planned}' in h.results) > 0 then 'planned' else 'settled' end,
           load_ms = c.load_ms + $10, error = coalesce(c.error, $11)
      from held h where c.plan_id = h.plan_id and c.chunk = h.chunk
    returning c.plan_id
  ), beat as (
    update samovar.plan set beat_at = to_timestamp($2::float8 / 1000)
     where id = (select plan_id from settled) and state <> 'paused'
  )`;

const settledValues = (chunk: ClaimedChunk, report: FillReport) => [
  chunk.chunk,
  chunk.worker,
  lettersOf(report.results, chunk.rows.length),
  `{${chunk.rows.join(',')}}`,
  Math.round(report.bytes),
  report.loadMs,
  report.error === undefined ? null : `${report.error.code}: ${report.error.message}`.slice(0, longestError),
];

const holderOf = (worker: string): string => `${worker}/${randomUUID()}`;

/**
 * Takes the next chunk of a run for one worker: one nobody holds, or one whose worker did not settle it in time. The
 * claim carries a name of its own, so that a worker which was thought dead cannot settle what another has taken over.
 */
export async function claimChunk(pool: Pool, plan: number, { worker, now, leaseMs }: Wanted): Promise<Claim> {
  const holder = holderOf(worker);
  const { rows } = await pool.query<Row>({
    name: 'samovar-claim',
    text: `with ${findNext} ${takeFirst}
           ), begun as (
             update samovar.plan set state = 'running', started_at = to_timestamp($2::float8 / 1000)
              where id = (select plan_id from next) and state = 'queued'
           ) ${takeNext}`,
    values: [plan, now, holder, now + leaseMs],
  });
  return rows[0] ? claimed(plan, holder, now, rows[0]) : whyNone(pool, plan, now);
}

/** Writes down what became of a claimed chunk, unless another worker has taken it over meanwhile. */
export async function settleChunk(
  pool: Pool,
  chunk: ClaimedChunk,
  report: FillReport,
  now: number,
): Promise<void> {
  await pool.query({
    name: 'samovar-settle',
    text: `with ${settleHeld} select set_config('synchronous_commit', 'off', true), $3::text, $4::text`,
    values: [chunk.plan, now, null, null, ...settledValues(chunk, report)],
  });
}

/** Both in one statement, for a worker that goes on: half the questions to Postgres while a run is under way. */
export async function nextChunk(
  pool: Pool,
  chunk: ClaimedChunk,
  report: FillReport,
  { worker, now, leaseMs }: Wanted,
): Promise<Claim> {
  const { plan } = chunk;
  const holder = holderOf(worker);
  const { rows } = await pool.query<Row>({
    name: 'samovar-next',
    text: `with ${settleHeld}, ${findNext} and c.chunk <> $5 ${takeFirst} ) ${takeNext}`,
    values: [plan, now, holder, now + leaseMs, ...settledValues(chunk, report)],
  });
  // What is left may be the rest of this very chunk.
  return rows[0] ? claimed(plan, holder, now, rows[0]) : claimChunk(pool, plan, { worker, now, leaseMs });
}

function claimed(plan: number, holder: string, now: number, row: Row): ClaimedChunk {
  const positions = plannedIn(row.results);
  return {
    kind: 'chunk',
    plan,
    chunk: row.chunk,
    keys: positions.map((position) => row.keys[position]!),
    rows: positions.map((position) => row.first_row + position),
    worker: holder,
    leftMs: Math.max(0, row.ends_at - now),
  };
}

async function whyNone(pool: Pool, plan: number, now: number): Promise<Claim> {
  const { rows } = await pool.query<{
    state: RunState;
    why: string | null;
    is_late: boolean;
    open: number;
    wait_ms: number | null;
  }>(
    `select p.state, p.why, p.deadline_at <= to_timestamp($2::float8 / 1000) as is_late, count(c.chunk)::int as open,
            (extract(epoch from min(c.claimed_until) filter (
               where c.claimed_until > to_timestamp($2::float8 / 1000))) * 1000 - $2)::float8 as wait_ms
       from samovar.plan p left join samovar.plan_chunk c on c.plan_id = p.id and c.state <> 'settled'
      where p.id = $1 group by p.id`,
    [plan, now],
  );
  const run = rows[0];
  if (!run) return { kind: 'ended', why: 'there is no such run' };
  if (run.state === 'paused') return { kind: 'paused' };
  // Whoever leaves last ends the run, so nobody leaves while a chunk may come back.
  const wait = {
    kind: 'wait',
    ms: Math.min(longestWaitMs, Math.max(shortestWaitMs, run.wait_ms ?? 0)),
  } as const;
  if (run.wait_ms !== null) return wait;
  if (run.state !== 'queued' && run.state !== 'running') return { kind: 'ended', why: run.why ?? run.state };
  if (run.why !== null) return { kind: 'ended', why: run.why };
  if (run.is_late) return { kind: 'ended', why: 'its time is over' };
  return run.open === 0 ? { kind: 'ended', why: 'nothing is left' } : wait;
}
