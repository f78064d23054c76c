import type { Config } from '../config.ts';
import { messageOf, nearest, SamovarError } from '../errors.ts';
import { checkPayload } from '../job.ts';
import type { ScheduleDef } from '../schedule.ts';
import { checkExpression } from './cron.ts';

/** A schedule with everything decided. */
export type Planned = Required<
  Pick<ScheduleDef, 'name' | 'expression' | 'job' | 'payload' | 'timezone' | 'catchUp' | 'overlap'>
> & {
  /** Samovar's own, not the configuration's. */
  readonly builtIn: boolean;
};

/** What runs unless the configuration schedules the job itself, wherever the job is among its jobs. */
export const housekeeping = [
  { job: 'collect', expression: '*/10 * * * * *' },
  { job: 'forecast', expression: '*/5 * * * *' },
  { job: 'rise', expression: '* * * * *' },
  { job: 'refresh', expression: '*/5 * * * * *' },
  { job: 'report', expression: '*/15 * * * *' },
  { job: 'prune', expression: '17 * * * *' },
] as const;

export type Scheduling = Pick<Config, 'schedules' | 'jobs'> & Partial<Pick<Config, 'caches' | 'auto'>>;

const nameShape = /^[a-z][\w.-]{0,126}$/i;

/** All schedules, the configuration's first. Throws E_CRON, or E_CONFIG naming the schedule. */
export function planSchedules(config: Scheduling): Planned[] {
  const own = config.schedules.map((def, i) => plan(def, `schedules[${i}] (${def.name})`, config));
  const builtIn = housekeeping.flatMap(({ job: name, expression }): Planned[] => {
    const job = config.jobs.find((each) => each.name === name);
    const isIdle =
      (name === 'refresh' && !config.caches?.some((def) => def.refreshAhead !== undefined)) ||
      (name === 'rise' && config.auto !== true);
    if (!job || isIdle || own.some((each) => each.job.name === name || each.name === name)) return [];
    return [
      { name, expression, job, payload: {}, timezone: 'UTC', catchUp: 'one', overlap: 'skip', builtIn: true },
    ];
  });
  return [...own, ...builtIn];
}

function plan(def: ScheduleDef, path: string, config: Pick<Config, 'schedules' | 'jobs'>): Planned {
  const refuse = (why: string, hints: string[] = []) =>
    new SamovarError('E_CONFIG', `${path}: ${why}`, { hints });
  if (!nameShape.test(def.name))
    throw refuse(`a schedule's name is a letter followed by letters, digits, '.', '-' or '_' (at most 127)`);
  if (config.schedules.filter((other) => other.name === def.name).length > 1)
    throw refuse('another schedule has the same name', [
      `name one of them: schedule('${def.expression}', ${def.job.name}, {…}, { name: 'another' })`,
    ]);
  const names = config.jobs.map((job) => job.name);
  if (!names.includes(def.job.name)) {
    const meant = nearest(def.job.name, names);
    throw refuse(
      `its job '${def.job.name}' is not in \`jobs\`${meant === undefined ? '' : `; did you mean '${meant}'?`}`,
    );
  }
  checkExpression(def.expression, def.timezone, path);
  try {
    checkPayload(def.job, def.payload);
  } catch (error) {
    throw refuse(messageOf(error));
  }
  return {
    name: def.name,
    expression: def.expression,
    job: def.job,
    payload: def.payload,
    timezone: def.timezone ?? 'UTC',
    catchUp: def.catchUp ?? 'one',
    overlap: def.overlap ?? 'skip',
    builtIn: false,
  };
}
