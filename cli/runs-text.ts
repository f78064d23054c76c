import { humanDuration } from '../src/duration.ts';
import type { Run, RunState } from '../src/rooms.ts';
import { count, instant } from './format.ts';
import type { Output } from './output.ts';

const ended: readonly RunState[] = ['done', 'partial', 'failed', 'cancelled'];
export const isEnded = (run: Run): boolean => ended.includes(run.state);

const settled = ({ results }: Run): number =>
  Object.entries(results).reduce((sum, [result, keys]) => sum + (result === 'planned' ? 0 : keys), 0);

/** `run 12 products  running  1,204/1,842 keys  204/s  about 3 s left`. */
export function progressText(run: Run): string {
  const parts = [`run ${run.id} ${run.cache}`, run.state, `${count(settled(run))}/${count(run.rows)} keys`];
  if (run.perSecond !== undefined && !isEnded(run)) parts.push(`${count(run.perSecond)}/s`);
  if (run.etaMs !== undefined && !isEnded(run)) parts.push(`about ${humanDuration(run.etaMs)} left`);
  return parts.join('  ');
}

/** A line a run: what became of its keys. */
export function runsText(output: Output, runs: readonly Run[]): string {
  if (runs.length === 0) return 'no runs yet';
  const right = (head: string) => ({ head, align: 'right' as const });
  const table = output.table(
    [
      'RUN',
      'CACHE',
      'STATE',
      'BY',
      'PLANNED AT',
      right('KEYS'),
      right('WRITTEN'),
      right('FRESH'),
      right('MISSING'),
      right('FAILED'),
      right('LEFT'),
      right('USED'),
      right('TIME'),
    ].map((column) => (typeof column === 'string' ? { head: column } : column)),
    runs.map((run) => [
      String(run.id),
      run.cache,
      run.why === undefined ? run.state : `${run.state} (${run.why})`,
      run.trigger,
      instant(run.at),
      ...[
        run.rows,
        of(run, 'written'),
        of(run, 'fresh', 'busy'),
        of(run, 'missing'),
        of(run, 'failed', 'lost'),
        of(run, 'planned', 'budget'),
        run.used,
      ].map(count),
      run.startedAt === undefined || run.endedAt === undefined
        ? '—'
        : humanDuration(run.endedAt - run.startedAt),
    ]),
  );
  const troubles = runs.flatMap(({ id, error }) => (error === undefined ? [] : [`run ${id}: ${error}`]));
  return [table, ...(troubles.length === 0 ? [] : ['', ...troubles])].join('\n');
}

const of = ({ results }: Run, ...names: (keyof Run['results'])[]): number =>
  names.reduce((sum, name) => sum + (results[name] ?? 0), 0);
