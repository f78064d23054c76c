import { Command } from 'commander';
import { humanDuration } from '../src/duration.ts';
import type { ServerFacts, Status } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { bytes, count, percent, since } from './format.ts';
import { listText } from './schedule.ts';

/** Everything on one screen. A server that is away is part of the answer, not a failure. */
export const command = (context: CliContext): Command =>
  new Command('status')
    .description('Servers, caches, runs, schedules and queues on one screen.')
    .action(async () => {
      const status = await (await context.samovar()).status();
      context.output.data(status, () => statusText(context, status));
      if (status.servers.some(({ ok }) => !ok)) context.exitWith(3);
    });

function statusText(context: CliContext, { servers, caches, queues, schedules }: Status): string {
  const { output } = context;
  return [
    output.table(
      ['SERVER', 'STATE', 'VERSION', 'ANSWERS IN', 'MEMORY', 'EVICTION'],
      servers.map((server) => serverCells(context, server)),
    ),
    cachesText(context, caches),
    output.table(
      ['QUEUE', ...['WAITING', 'ACTIVE', 'DELAYED', 'FAILED', 'OLDEST'].map(right)],
      queues.map(({ job, counts, oldestMs }) => [
        job,
        ...['waiting', 'active', 'delayed', 'failed'].map((state) => count(counts[state] ?? 0)),
        oldestMs === undefined ? '—' : humanDuration(oldestMs),
      ]),
    ),
    listText(context, schedules),
  ].join('\n\n');
}

const right = (head: string) => ({ head, align: 'right' as const });

function serverCells({ output: { color } }: CliContext, server: ServerFacts): string[] {
  const name = server.role === 'postgres' ? 'postgres' : `redis (${server.role})`;
  if (!server.ok) return [name, color.red('away'), '', '', '', ''];
  return [
    name,
    color.green('ok'),
    server.version ?? '—',
    server.roundTripMs === undefined ? '—' : `${server.roundTripMs.toFixed(1)} ms`,
    server.usedBytes === undefined
      ? ''
      : `${bytes(server.usedBytes)} of ${server.maxBytes ? bytes(server.maxBytes) : 'no limit'}`,
    server.policy ?? (server.schemaVersion === undefined ? '' : `schema ${server.schemaVersion}`),
  ];
}

function cachesText({ output, clock }: CliContext, caches: Status['caches']): string {
  return output.table(
    [
      'CACHE',
      right('KEYS'),
      right('READS'),
      right('HIT RATIO'),
      'LAST RUN',
      right('WRITTEN'),
      right('USED'),
      right('BUDGET'),
    ],
    caches.map(({ cache, keys, accesses, hitRatio, lastRun, budget }) => [
      cache,
      count(keys),
      count(accesses),
      percent(hitRatio),
      lastRun === undefined
        ? 'never'
        : `${lastRun.id} ${lastRun.state}, ${since(lastRun.endedAt ?? lastRun.startedAt ?? lastRun.at, clock.now())}`,
      lastRun === undefined ? '—' : count(lastRun.results.written ?? 0),
      lastRun === undefined ? '—' : count(lastRun.used),
      `${budget.perSecond === undefined ? 'no limit' : `${count(budget.perSecond)}/s`}${budget.factor < 1 ? ` × ${budget.factor.toFixed(2)}` : ''}`,
    ]),
  );
}
