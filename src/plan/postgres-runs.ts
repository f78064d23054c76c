import type { Pool, PoolClient } from '../connect.ts';
import { SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import { type RowResult, type Run, type RunState, rowResults, type Trigger } from '../rooms.ts';
import { transaction } from '../transaction.ts';
import { countResults, letterOf } from './letters.ts';

interface Row extends Record<RowResult, number> {
  id: number;
  cache: string;
  state: RunState;
  trigger: Trigger;
  at: number;
  started_at: number | null;
  ended_at: number | null;
  rows: number;
  used: number;
  unused: number | null;
  bytes: string;
  why: string | null;
  error: string | null;
}

const ms = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;

const select = `
  select p.id, k.name as cache, p.state, p.trigger, p.rows, p.why, p.unused, ${ms('p.at')} as at,
         ${ms('p.started_at')} as started_at, ${ms('p.ended_at')} as ended_at, ${countResults},
         coalesce(sum(bit_count(c.used)), 0)::int as used,
         coalesce(sum(c.bytes), 0) as bytes, min(c.error) as error
    from samovar.plan p join samovar.cache k on k.id = p.cache_id
    left join samovar.plan_chunk c on c.plan_id = p.id`;

/** A run with what has become of its rows so far. */
export async function readRun(pool: Pool, plan: number, now: number): Promise<Run | undefined> {
  const { rows } = await pool.query<Row>(`${select} where p.id = $1 group by p.id, k.name`, [plan]);
  return rows[0] && toRun(rows[0], now);
}

/** Newest first. */
export async function listRuns(
  pool: Pool,
  { cache, limit = 20 }: { cache?: string; limit?: number },
  now: number,
): Promise<Run[]> {
  const { rows } = await pool.query<Row>(
    `${select} where p.id in (select q.id from samovar.plan q join samovar.cache n on n.id = q.cache_id
                               where $1::text is null or n.name = $1 order by q.id desc limit $2)
      group by p.id, k.name order by p.id desc`,
    [cache ?? null, limit],
  );
  return rows.map((row) => toRun(row, now));
}

function toRun(row: Row, now: number): Run {
  const results = Object.fromEntries(
    rowResults.flatMap((name) => (row[name] > 0 ? [[name, row[name]]] : [])),
  );
  const settled = row.rows - row.planned;
  const forMs = row.started_at === null ? 0 : (row.ended_at ?? now) - row.started_at;
  const perSecond = forMs > 0 && settled > 0 ? (settled / forMs) * 1_000 : undefined;
  const isLive = row.state === 'running';
  return {
    id: row.id,
    cache: row.cache,
    state: row.state,
    trigger: row.trigger,
    at: Math.round(row.at),
    rows: row.rows,
    results,
    used: row.used,
    bytes: Number(row.bytes),
    ...(row.unused === null ? {} : { unused: row.unused }),
    ...(row.started_at === null ? {} : { startedAt: Math.round(row.started_at) }),
    ...(row.ended_at === null ? {} : { endedAt: Math.round(row.ended_at) }),
    ...(perSecond === undefined ? {} : { perSecond }),
    ...(isLive && perSecond !== undefined ? { etaMs: Math.round((row.planned / perSecond) * 1_000) } : {}),
    ...(row.why === null ? {} : { why: row.why }),
    ...(row.error === null ? {} : { error: row.error }),
  };
}

const verbs = {
  pause: { from: ['queued', 'running'], to: 'paused', past: 'paused' },
  resume: { from: ['paused'], to: 'running', past: 'resumed' },
  cancel: { from: ['queued', 'running', 'paused'], to: 'cancelling', past: 'cancelled' },
} as const satisfies Record<string, { from: readonly RunState[]; to: RunState; past: string }>;

export type RunVerb = keyof typeof verbs;

/** Changes the state of a run; it takes effect when its workers ask for their next chunk. E_UNKNOWN_RUN. */
export async function controlRun(
  pool: Pool,
  plan: number,
  verb: RunVerb,
  now: number,
  events: Emitter,
): Promise<Run> {
  const { from, to } = verbs[verb];
  const isDone = await transaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `update samovar.plan set state = $2, beat_at = to_timestamp($3::float8 / 1000),
              deadline_at = deadline_at + case when $2 = 'running' then to_timestamp($3::float8 / 1000) - beat_at
                                               else interval '0' end
        where id = $1 and state = any ($4)`,
      [plan, to, now, from],
    );
    if (rowCount === 1 && verb === 'cancel') await giveUpRest(client, plan);
    return rowCount === 1;
  });
  const run = await readRun(pool, plan, now);
  if (!run)
    throw new SamovarError('E_UNKNOWN_RUN', `there is no run ${plan}`, {
      hints: ['samovar runs lists them'],
    });
  if (!isDone)
    throw new SamovarError(
      'E_UNKNOWN_RUN',
      `run ${plan} of ${run.cache} cannot be ${verbs[verb].past}: it is ${run.state}`,
      { hints: ['samovar runs lists them with their states'] },
    );
  events.emit('run:changed', { cache: run.cache, run: plan, state: to });
  return verb === 'cancel' ? finishRun(pool, plan, now, events) : run;
}

/** What nobody has claimed is not loaded any more. Claimed chunks are settled by their workers. */
const giveUpRest = (client: PoolClient | Pool, plan: number): Promise<unknown> =>
  client.query(
    `update samovar.plan_chunk set state = 'settled', results = translate(results, $2, $3)
      where plan_id = $1 and state = 'planned'`,
    [plan, letterOf.planned, letterOf.budget],
  );

/** Ends a run early, with the reason; what is claimed is still settled. */
export async function stopRun(
  pool: Pool,
  plan: number,
  why: string,
  now: number,
  events: Emitter,
): Promise<Run> {
  await transaction(pool, async (client) => {
    // A paused run keeps what is left of it: whether it fits is asked again when it goes on.
    const { rowCount } = await client.query(
      `update samovar.plan set why = coalesce(why, $2) where id = $1 and state in ('queued', 'running')`,
      [plan, why],
    );
    if (rowCount === 1) await giveUpRest(client, plan);
  });
  return finishRun(pool, plan, now, events);
}

/** Ends a run of which nothing is left, else leaves it as it is; answers with it. Many may call it at once. */
export async function finishRun(pool: Pool, plan: number, now: number, events: Emitter): Promise<Run> {
  // A chunk handed back, or never to be, after its run was cancelled or its time was over is nobody's any more.
  await pool.query(
    `update samovar.plan_chunk c
        set state = 'settled', worker = null, claimed_until = null, results = translate(results, $2, $3)
       from samovar.plan p
      where p.id = c.plan_id and p.id = $1
        and (c.state = 'planned' or (c.state = 'claimed' and c.claimed_until <= to_timestamp($4::float8 / 1000)))
        and (p.state = 'cancelling' or p.why is not null or p.deadline_at <= to_timestamp($4::float8 / 1000))`,
    [plan, letterOf.planned, letterOf.budget, now],
  );
  const { rowCount } = await pool.query(
    `with counted as (select ${countResults} from samovar.plan_chunk c where c.plan_id = $1)
     update samovar.plan p
        set state = case when p.state = 'cancelling' then 'cancelled'
                         when n.failed + n.budget + n.lost = 0 then 'done'
                         when n.written + n.fresh + n.missing + n.busy = 0 then 'failed'
                         else 'partial' end,
            why = coalesce(p.why, case when p.deadline_at <= to_timestamp($2::float8 / 1000) and n.budget > 0
                                       then 'its time was over' end),
            started_at = coalesce(p.started_at, to_timestamp($2::float8 / 1000)),
            ended_at = to_timestamp($2::float8 / 1000),
            expires_at = to_timestamp(($2::float8 + p.ttl_ms) / 1000)
       from counted n
      where p.id = $1 and p.state in ('queued', 'running', 'cancelling')
        and not exists (select from samovar.plan_chunk c where c.plan_id = $1 and c.state <> 'settled')`,
    [plan, now],
  );
  const run = await readRun(pool, plan, now);
  if (!run) throw new SamovarError('E_UNKNOWN_RUN', `there is no run ${plan}`);
  if (rowCount === 1) events.emit('run:changed', { cache: run.cache, run: plan, state: run.state });
  return run;
}
