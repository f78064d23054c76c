import { randomUUID } from 'node:crypto';
import type { Pool } from '../connect.ts';
import type { Claim, ClaimedChunk, FillReport, RunState } from '../rooms.ts';
import { letterOf, lettersOf, plannedIn } from './letters.ts';

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

/**
 * Takes the next chunk of a run for one worker: one nobody holds, or one whose worker did not settle it in time. The
 * claim carries a name of its own, so that a worker which was thought dead cannot settle what another has taken over.
 */
export async function claimChunk(
  pool: Pool,
  plan: number,
  { worker, now, leaseMs }: { worker: string; now: number; leaseMs: number },
): Promise<Claim> {
  const holder = `${worker}/${randomUUID()}`;
  const { rows } = await pool.query<Row>({
    name: 'samovar-claim',
    // A claim or its settling that a crash of Postgres undoes is made again; neither waits for the disk.
    text: `with run as (
             select id, deadline_at from samovar.plan
              where id = $1 and state in ('queued', 'running') and why is null
                and deadline_at > to_timestamp($3::float8 / 1000)
           ), next as (
             select c.plan_id, c.chunk from samovar.plan_chunk c
              where c.plan_id = (select id from run) and c.state <> 'settled'
                and (c.state = 'planned' or (c.state = 'claimed' and c.claimed_until <= to_timestamp($3::float8 / 1000)))
              order by c.chunk limit 1 for update of c skip locked
           ), begun as (
             update samovar.plan set state = 'running', started_at = to_timestamp($3::float8 / 1000)
              where id = (select plan_id from next) and state = 'queued'
           )
           update samovar.plan_chunk c
              set state = 'claimed', worker = $2, claimed_until = to_timestamp($4::float8 / 1000)
             from next where c.plan_id = next.plan_id and c.chunk = next.chunk
           returning c.chunk, c.first_row, to_json(c.keys) as keys, c.results,
                     (select extract(epoch from deadline_at) * 1000 from run)::float8 as ends_at, set_config('synchronous_commit', 'off', true)`,
    values: [plan, holder, now, now + leaseMs],
  });
  const row = rows[0];
  if (!row) return whyNone(pool, plan, now);
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

/** Writes down what became of a claimed chunk, unless another worker has taken it over meanwhile. */
export async function settleChunk(
  pool: Pool,
  chunk: ClaimedChunk,
  report: FillReport,
  now: number,
): Promise<void> {
  await pool.query({
    name: 'samovar-settle',
    text: `with held as (
             select plan_id, chunk,
                    case when length(results) = length($4::text) then $4 else (
                      select string_agg(coalesce(told.letter, substr(c.results, i, 1)), '' order by i)
                        from generate_series(1, length(c.results)) i
                        left join unnest($5::int[], string_to_array($4, null)) told (row, letter)
                          on told.row = c.first_row + i - 1) end as results
               from samovar.plan_chunk c
              where plan_id = $1 and chunk = $2 and state = 'claimed' and worker = $3 for update
           ), settled as (
             update samovar.plan_chunk c
                set results = h.results, worker = null, claimed_until = null, bytes = c.bytes + $6,
                    state = case when position('${letterOf.planned}' in h.results) > 0 then 'planned' else 'settled' end,
                    load_ms = c.load_ms + $7, error = coalesce(c.error, $8)
               from held h where c.plan_id = h.plan_id and c.chunk = h.chunk
             returning c.plan_id
           )
           update samovar.plan set beat_at = to_timestamp($9::float8 / 1000)
            where id = (select plan_id from settled) and state <> 'paused'
           returning set_config('synchronous_commit', 'off', true)`,
    values: [
      chunk.plan,
      chunk.chunk,
      chunk.worker,
      lettersOf(report.results, chunk.rows.length),
      `{${chunk.rows.join(',')}}`,
      Math.round(report.bytes),
      report.loadMs,
      report.error === undefined
        ? null
        : `${report.error.code}: ${report.error.message}`.slice(0, longestError),
      now,
    ],
  });
}
