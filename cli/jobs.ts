import { Command } from 'commander';
import { humanDuration } from '../src/duration.ts';
import { messageOf } from '../src/errors.ts';
import type { Samovar } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { positiveCount, since } from './format.ts';
import { unknown } from './names.ts';

type JobRun = Awaited<ReturnType<Samovar['jobRuns']['list']>>[number];

/** What the worker can do: each job's rooms, and its last runs. */
export const command = (context: CliContext): Command =>
  new Command('jobs')
    .description('What the worker can do: what each job reads and writes, and how it went lately.')
    .argument('[job]', 'the runs of one job')
    .option('--limit <n>', 'how many runs', positiveCount, 10)
    .action(async (name: string | undefined, { limit }: { limit: number }) => {
      const { output, clock } = context;
      const { jobs } = await context.config();
      const names = jobs.map((job) => job.name);
      if (name !== undefined && !names.includes(name)) throw unknown('E_UNKNOWN_JOB', 'job', name, names);
      if (name !== undefined) {
        const runs = await (await context.samovar()).jobRuns.list({ job: name, limit });
        return output.data(runs, () => runsText(context, runs));
      }
      const lists = await lastRuns(context, names);
      const shown = jobs.map(({ name, about, reads, writes }) => ({
        name,
        about,
        reads,
        writes,
        lastRun: lists?.get(name),
      }));
      output.data(shown, () =>
        output.table(
          ['JOB', 'ABOUT', 'READS', 'WRITES', 'LAST RUN'],
          shown.map(({ name, about, reads, writes, lastRun }) => [
            name,
            about,
            reads.join(' '),
            writes.join(' '),
            lastRun === undefined
              ? '—'
              : `${lastRun.outcome ?? 'running'}, ${since(lastRun.endedAt ?? lastRun.startedAt, clock.now())}`,
          ]),
        ),
      );
    });

/** The newest run of each job; nothing, and a note, where Postgres cannot tell. */
async function lastRuns(
  context: CliContext,
  names: readonly string[],
): Promise<Map<string, JobRun> | undefined> {
  try {
    const samovar = await context.samovar();
    const lists = await Promise.all(names.map((job) => samovar.jobRuns.list({ job, limit: 1 })));
    return new Map(lists.flatMap(([run]) => (run === undefined ? [] : [[run.job, run] as const])));
  } catch (error) {
    context.output.note(`no runs to show: ${messageOf(error)}`);
    return undefined;
  }
}

function runsText({ output, clock }: CliContext, runs: readonly JobRun[]): string {
  if (runs.length === 0) return 'it has not run yet';
  return output.table(
    ['STARTED', 'TOOK', 'OUTCOME', 'SCHEDULE', 'RESULT'],
    runs.map(({ startedAt, endedAt, outcome, schedule, result, error }) => [
      since(startedAt, clock.now()),
      endedAt === undefined ? '—' : humanDuration(endedAt - startedAt),
      outcome ?? 'running',
      schedule ?? '—',
      error ?? (result === undefined ? '' : JSON.stringify(result)),
    ]),
  );
}
