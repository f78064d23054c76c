import type { Pool } from '../connect.ts';
import type { Claim, ClaimedChunk, FillReport } from '../rooms.ts';
import { plannedIn, withResults } from './letters.ts';
import { chunkRows } from './postgres-open.ts';

interface Row {
  chunk: number;
  first_row: number;
  keys: string[];
  results: string;
}

/** How long a lane waits at most before it asks again for a chunk that others hold. */
const longestWaitMs = 1_000;

/** The letters of claimed chunks as they were, to be settled upon. */
const lettersOf = new WeakMap<ClaimedChunk, string>();
let claims = 0;

/**
 * Takes the next chunk of a run for one worker: one nobody holds, or one whose worker did not settle it in time. The
 * claim carries a name of its own, so that a worker which was thought dead cannot settle what another has taken over.
 */
export async function claimChunk(
  pool: Pool,
  plan: number,
  { worker, now, leaseMs }: { worker: string; now: number; leaseMs: number },
): Promise<Claim> {
  claims += 1;
  const holder = `${worker}/${claims}`;
  const { rows } = await pool.query<Row>({
    name: 'samovar-claim',
    text: `with next as (
             select c.plan_id, c.chunk from samovar.plan_chunk c join samovar.plan p on p.id = c.plan_id
              where c.plan_id = $1 and p.state in ('queued', 'running') and p.deadline_at > to_timestamp($3::float8 / 1000)
                and (c.state = 'planned' or (c.state = 'claimed' and c.claimed_until <= to_timestamp($3::float8 / 1000)))
              order by c.chunk limit 1 for update of c skip locked
           ), begun as (
             update samovar.plan set state = 'running', started_at = to_timestamp($3::float8 / 1000)
              where id = (select plan_id from next) and state = 'queued'
           )
           update samovar.plan_chunk c
              set state = 'claimed', worker = $2, claimed_until = to_timestamp($4::float8 / 1000)
             from next where c.plan_id = next.plan_id and c.chunk = next.chunk
           returning c.chunk, c.first_row, c.keys, c.results`,
    values: [plan, holder, now, now + leaseMs],
  });
  const row = rows[0];
  if (!row) return whyNone(pool, plan, now);
  const positions = plannedIn(row.results);
  const chunk: ClaimedChunk = {
    kind: 'chunk',
    plan,
    chunk: row.chunk,
    keys: positions.map((position) => row.keys[position]!),
    rows: positions.map((position) => row.first_row + position),
    worker: holder,
  };
  lettersOf.set(chunk, row.results);
  return chunk;
}

async function whyNone(pool: Pool, plan: number, now: number): Promise<Claim> {
  const { rows } = await pool.query<{
    state: string;
    is_late: boolean;
    open: number;
    wait_ms: number | null;
  }>(
    `select p.state, p.deadline_at <= to_timestamp($2::float8 / 1000) as is_late, count(c.chunk)::int as open,
            min(extract(epoch from c.claimed_until) * 1000 - $2)::float8 as wait_ms
       from samovar.plan p left join samovar.plan_chunk c on c.plan_id = p.id and c.state <> 'settled'
      where p.id = $1 group by p.id`,
    [plan, now],
  );
  const run = rows[0];
  if (!run) return { kind: 'ended', why: 'there is no such run' };
  if (run.state === 'paused') return { kind: 'paused' };
  if (run.state !== 'queued' && run.state !== 'running') return { kind: 'ended', why: run.state };
  if (run.open === 0) return { kind: 'ended', why: 'nothing is left' };
  if (run.is_late) return { kind: 'ended', why: 'its time is over' };
  return { kind: 'wait', ms: Math.min(longestWaitMs, Math.max(50, run.wait_ms ?? 0)) };
}

/** Writes down what became of a claimed chunk, unless another worker has taken it over meanwhile. */
export async function settleChunk(
  pool: Pool,
  chunk: ClaimedChunk,
  report: FillReport,
  now: number,
): Promise<void> {
  const before = lettersOf.get(chunk);
  if (before === undefined) throw new Error(`chunk ${chunk.chunk} of run ${chunk.plan} was not claimed here`);
  const first = chunk.chunk * chunkRows;
  const letters = withResults(
    before,
    chunk.rows.map((row) => row - first),
    report.results,
  );
  const isOpen = plannedIn(letters).length > 0;
  await pool.query({
    name: 'samovar-settle',
    text: `with settled as (
             update samovar.plan_chunk
                set results = $4, state = $5, worker = null, claimed_until = null, bytes = bytes + $6,
                    load_ms = load_ms + $7, error = coalesce($8, error)
              where plan_id = $1 and chunk = $2 and state = 'claimed' and worker = $3
             returning plan_id
           )
           update samovar.plan set beat_at = to_timestamp($9::float8 / 1000) where id = (select plan_id from settled)`,
    values: [
      chunk.plan,
      chunk.chunk,
      chunk.worker,
      letters,
      isOpen ? 'planned' : 'settled',
      Math.round(report.bytes),
      report.loadMs,
      report.error === undefined ? null : `${report.error.code}: ${report.error.message}`.slice(0, 500),
      now,
    ],
  });
}
