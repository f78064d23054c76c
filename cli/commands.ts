import type { CommandFile } from './context.ts';

interface Entry {
  readonly name: string;
  readonly group: 'Start' | 'Look' | 'Act' | 'Check';
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<CommandFile>;
}

/** Every command, in the order of the help. Only the one that is called is loaded. */
export const commands: readonly Entry[] = [
  {
    name: 'demo',
    group: 'Start',
    summary: 'cold against warmed, measured on private servers',
    load: () => import('./demo.ts'),
  },
  {
    name: 'init',
    group: 'Start',
    summary: 'write a configuration to start from',
    load: () => import('./init.ts'),
  },
  {
    name: 'worker',
    group: 'Start',
    summary: 'run the jobs and the schedules',
    load: () => import('./worker.ts'),
  },
  {
    name: 'status',
    group: 'Look',
    summary: 'servers, caches, runs, schedules and queues on one screen',
    load: () => import('./status.ts'),
  },
  {
    name: 'plan',
    group: 'Look',
    summary: 'what would be warmed, and why; writes nothing',
    load: () => import('./plan.ts'),
  },
  {
    name: 'explain',
    group: 'Look',
    summary: 'why one key is warmed, or is not',
    load: () => import('./explain.ts'),
  },
  {
    name: 'replay',
    group: 'Look',
    summary: 'what warming would have done for a log of yours, offline',
    load: () => import('./replay.ts'),
  },
  {
    name: 'runs',
    group: 'Look',
    summary: 'list, watch, pause, resume or cancel runs',
    load: () => import('./runs.ts'),
  },
  {
    name: 'jobs',
    group: 'Look',
    summary: 'what the worker can do, and how it went lately',
    load: () => import('./jobs.ts'),
  },
  {
    name: 'warm',
    group: 'Act',
    summary: 'plan and warm now, and wait for it',
    load: () => import('./warm.ts'),
  },
  {
    name: 'invalidate',
    group: 'Act',
    summary: 'forget keys, tags, what a table feeds, or a whole cache',
    load: () => import('./invalidate.ts'),
  },
  {
    name: 'schedule',
    group: 'Act',
    summary: 'list, preview, pause, resume or run schedules',
    load: () => import('./schedule.ts'),
  },
  {
    name: 'budget',
    group: 'Act',
    summary: 'what background work may ask of origins',
    load: () => import('./budget.ts'),
  },
  {
    name: 'flush',
    group: 'Act',
    summary: 'carry buffered writes over now',
    load: () => import('./flush.ts'),
  },
  {
    name: 'dlq',
    group: 'Act',
    summary: 'writes that an origin refused: list, show, retry, drop',
    load: () => import('./dlq.ts'),
  },
  {
    name: 'import',
    group: 'Act',
    summary: 'access history from log files',
    load: () => import('./import.ts'),
  },
  {
    name: 'migrate',
    group: 'Act',
    summary: 'bring the schema in Postgres up to date',
    load: () => import('./migrate.ts'),
  },
  {
    name: 'doctor',
    group: 'Check',
    summary: 'find unsafe settings, and the fix for each',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'config',
    group: 'Check',
    summary: 'the resolved configuration, secrets hidden',
    load: () => import('./config.ts'),
  },
  {
    name: 'healthcheck',
    group: 'Check',
    summary: 'ask the worker on this machine how it is; for containers',
    load: () => import('./healthcheck.ts'),
  },
];
