import { Command } from 'commander';
import { isUnpredictable } from '../src/confidence.ts';
import { humanDuration } from '../src/duration.ts';
import type { ServerFacts, Status } from '../src/facade.ts';
import type { CliContext } from './context.ts';
import { bytes, count, percent, since } from './format.ts';
import { withCauses } from './reach.ts';
import { listText } from './schedule.ts';

/** Everything on one screen. A server that is away is part of the answer, not a failure. */
export const command = (context: CliContext): Command =>
  new Command('status')
    .description('Servers, caches, runs, schedules and queues on one screen.')
    .action(async () => {
      const asked = await (await context.samovar()).status();
      const status = { ...asked, servers: await withCauses(await context.config(), asked.servers) };
      context.output.data(status, () => statusText(context, status));
      if (status.servers.some(({ ok }) => !ok)) context.exitWith(3);
    });

function statusText(context: CliContext, status: Status): string {
  const { servers, caches, queues, schedules } = status;
  const { output } = context;
  return [
    output.table(
      ['SERVER', 'STATE', 'VERSION', 'ANSWERS IN', 'MEMORY', 'EVICTION'],
      servers.map((server) => serverCells(context, server)),
    ),
    ...whyAway(context, servers),
    ...outagesText(context, status),
    cachesText(context, caches),
    ...changesText(servers),
    ...dirtyText(context, caches),
    ...queuesText(context, queues),
    ...(queues.length === 0 ? [] : [listText(context, schedules)]),
  ].join('\n\n');
}

/** Nothing where no cache buffers its writes. */
function dirtyText({ output }: CliContext, caches: Status['caches']): string[] {
  const { color } = output;
  const buffered = caches.flatMap(({ cache, dirty }) => (dirty === undefined ? [] : [{ cache, ...dirty }]));
  if (buffered.length === 0) return [];
  const wrong = (value: number) => (value === 0 ? '0' : color.red(count(value)));
  return [
    output.table(
      [
        'WRITES OF',
        ...['ACCEPTED', 'COALESCED', 'FLUSHED', 'DIRTY', 'LAG', 'DEAD', 'DROPPED', 'DIFFERENCE'].map(right),
      ],
      buffered.map(({ cache, accepted, coalesced, flushed, pending, lagMs, dead, dropped, difference }) => [
        cache,
        count(accepted),
        count(coalesced),
        count(flushed),
        count(pending),
        pending === 0 ? '—' : humanDuration(lagMs),
        wrong(dead),
        count(dropped),
        wrong(difference),
      ]),
    ),
  ];
}

/** Nothing when the queue is away: it alone knows. */
function queuesText({ output }: CliContext, queues: Status['queues']): string[] {
  if (queues.length === 0) return [];
  return [
    output.table(
      ['QUEUE', ...['WORKERS', 'WAITING', 'ACTIVE', 'DELAYED', 'FAILED', 'OLDEST'].map(right)],
      queues.map(({ job, counts, oldestMs, workers }) => [
        job,
        workers === 0 ? output.color.yellow('none') : count(workers),
        ...['waiting', 'active', 'delayed', 'failed'].map((state) => count(counts[state] ?? 0)),
        oldestMs === undefined ? '—' : humanDuration(oldestMs),
      ]),
    ),
  ];
}

/** What waits to be invalidated; nothing where no table is watched and nothing waits. */
function changesText(servers: readonly ServerFacts[]): string[] {
  const changes = servers.find(({ changes }) => changes !== undefined)?.changes;
  if (changes === undefined || (changes.waiting === 0 && changes.triggers.length === 0)) return [];
  const wrong = changes.triggers.filter(({ state }) => state !== 'ok').length;
  return [
    [
      `changes: ${changes.waiting === 0 ? 'none waits' : `${count(changes.waiting)} wait, the oldest for ${humanDuration(changes.oldestMs)}`}`,
      `${count(changes.triggers.length)} tables told of`,
      ...(wrong === 0 ? [] : [`triggers of ${wrong} are to be mended: samovar migrate`]),
    ].join(' · '),
  ];
}

/** A line for each server that is away. */
function whyAway({ output }: CliContext, servers: readonly ServerFacts[]): string[] {
  const lines = servers.flatMap(({ ok, error }) =>
    ok ? [] : [`${output.color.red('✖')} ${error ?? 'does not answer'}`],
  );
  return lines.length === 0 ? [] : [lines.join('\n')];
}

/** Processes that have trouble with the cache's Redis, whatever this one finds; nothing where none has. */
function outagesText({ output, clock }: CliContext, { outages = [] }: Status): string[] {
  if (outages.length === 0) return [];
  return [
    output.table(
      ['PROCESS', 'CACHE REDIS', 'SINCE', right('INVALIDATIONS KEPT')],
      outages.map(({ process, isAway, since: at, waiting }) => [
        process,
        isAway ? output.color.red('not asked') : 'asked',
        since(at, clock.now()),
        count(waiting),
      ]),
    ),
  ];
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
      : `${bytes(server.usedBytes)}${server.maxBytes ? ` of ${bytes(server.maxBytes)}` : ', no limit'}`,
    server.policy ?? (server.schemaVersion === undefined ? '' : `schema ${server.schemaVersion}`),
  ];
}

function cachesText({ output, clock }: CliContext, caches: Status['caches']): string {
  const isAhead = caches.some(({ refreshed }) => refreshed !== undefined);
  return output.table(
    [
      'CACHE',
      right('KEYS'),
      right('READS, 2 H'),
      right('HIT RATIO'),
      'LAST RUN',
      right('WRITTEN'),
      right('USED'),
      ...(isAhead ? [right('REFRESHED, UNREAD')] : []),
      right('BUDGET'),
      'FORECAST BY',
      'LAST PLAN, OF FORESIGHT',
    ],
    caches.map(
      ({ cache, keys, accesses, hitRatio, lastRun, refreshed, budget, experts, choice, scorecard }) => [
        cache,
        keys === undefined ? '—' : count(keys),
        accesses === undefined ? '—' : count(accesses),
        percent(hitRatio),
        lastRun === undefined
          ? 'never'
          : `${lastRun.id} ${lastRun.state}, ${since(lastRun.endedAt ?? lastRun.startedAt ?? lastRun.at, clock.now())}`,
        lastRun === undefined ? '—' : count(lastRun.results.written ?? 0),
        lastRun === undefined ? '—' : count(lastRun.used),
        ...(isAhead ? [refreshedText(refreshed)] : []),
        `${budget.perSecond === undefined ? 'no limit' : `${count(budget.perSecond)}/s`}${budget.factor < 1 ? ` × ${budget.factor.toFixed(2)}` : ''}`,
        forecastBy(choice, experts),
        scorecard === undefined ? '—' : `${percent(scorecard.precision)} read, ${percent(scorecard.recall)}`,
      ],
    ),
  );
}

/** Refreshes of the last day, and the share of them that nobody read. */
const refreshedText = (refreshed: Status['caches'][number]['refreshed']): string =>
  refreshed === undefined
    ? '—'
    : `${count(refreshed.entries)}, ${percent(refreshed.entries === 0 ? undefined : refreshed.unread / refreshed.entries)}`;

/** Who makes the forecasts, and how much of what can be foreseen that foresees. */
function forecastBy(
  choice: Status['caches'][number]['choice'],
  experts: Status['caches'][number]['experts'] = [],
): string {
  if (choice === undefined) return '—';
  const score = experts.find(({ name }) => name === choice.name)?.score;
  return `${choice.name}, ${percent(score)}${isUnpredictable(score) ? ': cannot be forecast' : ''}`;
}
