import type { Pool } from '../connect.ts';
import { messageOf } from '../errors.ts';

/** One try of a job. Instants are epoch ms. */
export interface JobRun {
  readonly job: string;
  readonly jobId: string;
  readonly worker: string;
  readonly attempt: number;
  readonly schedule?: string;
  readonly slot?: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly outcome?: string;
  readonly result?: unknown;
  readonly error?: string;
}

export interface History {
  /** Answers with the number under which `end` finds it. */
  begin(run: Omit<JobRun, 'endedAt' | 'outcome' | 'result' | 'error'>): Promise<number>;
  end(
    id: number,
    ended: { endedAt: number; outcome: string; result?: unknown; error?: string },
  ): Promise<void>;
  /** Newest first. */
  list(options?: { job?: string; limit?: number }): Promise<JobRun[]>;
}

/** Which job ran when, where, and how it ended. */
export function createHistory(pool: Pool): History {
  return {
    async begin(run) {
      const { rows } = await pool.query<{ id: string }>(
        `insert into samovar.job_run (job, job_id, worker, attempt, schedule, slot, started_at)
         values ($1, $2, $3, $4, $5, to_timestamp($6::float8 / 1000), to_timestamp($7::float8 / 1000)) returning id`,
        [run.job, run.jobId, run.worker, run.attempt, run.schedule ?? null, run.slot ?? null, run.startedAt],
      );
      return Number(rows[0]!.id);
    },
    async end(id, { endedAt, outcome, result, error }) {
      await pool.query(
        `update samovar.job_run
            set ended_at = to_timestamp($2::float8 / 1000), outcome = $3, result = $4, error = $5
          where id = $1`,
        [
          id,
          endedAt,
          outcome,
          result === undefined ? null : JSON.stringify(result),
          error === undefined ? null : messageOf(error),
        ],
      );
    },
    async list({ job, limit = 50 } = {}) {
      const { rows } = await pool.query<Row>(
        `select job, job_id, worker, attempt, schedule, extract(epoch from slot) * 1000 as slot,
                extract(epoch from started_at) * 1000 as started_at, extract(epoch from ended_at) * 1000 as ended_at,
                outcome, result, error
           from samovar.job_run where $1::text is null or job = $1
          order by started_at desc, id desc limit $2`,
        [job ?? null, limit],
      );
      return rows.map(toRun);
    },
  };
}

interface Row {
  job: string;
  job_id: string;
  worker: string;
  attempt: number;
  schedule: string | null;
  slot: string | null;
  started_at: string;
  ended_at: string | null;
  outcome: string | null;
  result: unknown;
  error: string | null;
}

const toRun = (row: Row): JobRun => ({
  job: row.job,
  jobId: row.job_id,
  worker: row.worker,
  attempt: row.attempt,
  startedAt: Math.round(Number(row.started_at)),
  ...(row.schedule === null ? {} : { schedule: row.schedule }),
  ...(row.slot === null ? {} : { slot: Math.round(Number(row.slot)) }),
  ...(row.ended_at === null ? {} : { endedAt: Math.round(Number(row.ended_at)) }),
  ...(row.outcome === null ? {} : { outcome: row.outcome }),
  ...(row.result === null ? {} : { result: row.result }),
  ...(row.error === null ? {} : { error: row.error }),
});
