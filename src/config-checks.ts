import type { z } from 'zod';
import type { ConfigInput } from './config.ts';
import { type Problem, unknownName } from './config-problems.ts';
import { isSamovarError, messageOf } from './errors.ts';
import { type AnyJobDef, checkPayload } from './job.ts';
import type { ScheduleDef } from './schedule.ts';

/** Throws E_CRON when an expression or its time zone cannot be read; `path` is where it stands. */
export type CheckSchedule = (expression: string, timezone: string, path: string) => void;

type Sound = Required<Pick<ConfigInput, 'caches' | 'jobs'>> &
  Pick<ConfigInput, 'worker' | 'import' | 'forecast'> & {
    readonly schedules: readonly ScheduleDef[];
    readonly auto: boolean;
  };

/** Whether groups of keys are to be warmed before their daily rise. */
export const isAuto = (schedules: unknown): boolean =>
  schedules === 'auto' || (Array.isArray(schedules) && schedules.includes('auto'));

/** The parts of an input that can be looked at together, whatever else is wrong with it. */
export function sound(input: unknown, issues: readonly z.core.$ZodIssue[]): Sound {
  const given = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  const wrong = new Set(issues.flatMap(({ path }) => [path[0], path.slice(0, 2).join('.')]));
  const made = <T>(name: string, kind: string, isWhole: boolean): T[] =>
    (Array.isArray(given[name]) ? given[name] : []).filter(
      (item, at) => item?.kind === kind && !(isWhole && wrong.has(`${name}.${at}`)),
    );
  return {
    // A cache or job with a wrong option still has its name.
    caches: made('caches', 'cache', false),
    jobs: made('jobs', 'job', false),
    schedules: made('schedules', 'schedule', true),
    auto: isAuto(given['schedules']),
    ...(wrong.has('worker') ? {} : { worker: given['worker'] as ConfigInput['worker'] }),
    ...(wrong.has('forecast') ? {} : { forecast: given['forecast'] as ConfigInput['forecast'] }),
    ...(wrong.has('import') ? {} : { import: given['import'] as ConfigInput['import'] }),
  } as Sound;
}

/** What no option can be blamed for alone: names used twice, names nobody has, schedules that never come. */
export function crossCheck(input: Sound, checkSchedule: CheckSchedule): Problem[] {
  return [
    ...twice(input),
    ...origins(input),
    ...writers(input),
    ...schedules(input, checkSchedule),
    ...others(input),
  ];
}

const namesOf = ({ name, aliases }: AnyJobDef): string[] => [
  name,
  ...(Array.isArray(aliases) ? aliases : []),
];

function* twice({ caches, jobs, schedules, forecast }: Sound): Generator<Problem> {
  const named: [string, string, readonly string[]][] = [
    ['caches', 'caches', caches.map(({ name }) => name)],
    ['jobs', 'jobs (or their aliases)', jobs.flatMap(namesOf)],
    ['schedules', 'schedules', schedules.map(({ name }) => name)],
    ['forecast.experts', 'experts', (forecast?.experts ?? []).map(({ name }) => name)],
  ];
  for (const [path, what, names] of named) {
    const repeated = new Set(names.filter((name, at) => names.indexOf(name) !== at));
    for (const name of repeated) {
      const hint = path === 'schedules' ? `; name one: schedule(…, …, …, { name: '${name}-2' })` : '';
      yield { path: `${path}.${name}`, text: `two ${what} are called '${name}'${hint}` };
    }
  }
}

function* origins({ caches }: Sound): Generator<Problem> {
  const known = new Map(caches.map(({ origin }) => [origin?.name, origin]));
  for (const { name, origin } of caches) {
    if (known.get(origin?.name) === origin) continue;
    yield {
      path: `caches.${name}.origin`,
      text: `\`caches.${name}.origin\` is another origin of the name '${origin.name}': share one defineOrigin, or give them two names`,
    };
  }
}

function* writers({ caches }: Sound): Generator<Problem> {
  for (const { name, mode, write, writeBehind } of caches) {
    const path = `caches.${name}`;
    if (write === undefined && (mode !== undefined || writeBehind !== undefined))
      yield {
        path,
        text: `\`${path}\` has \`${mode === undefined ? 'writeBehind' : 'mode'}\` and no \`write\`: say where writes go`,
      };
    if ((mode === 'write-behind') !== (writeBehind !== undefined) && mode !== undefined)
      yield {
        path: `${path}.mode`,
        text:
          writeBehind === undefined
            ? `\`${path}.mode\` is 'write-behind': say how, writeBehind: { delay: '1s' }`
            : `\`${path}.mode\` is '${mode}' and \`writeBehind\` is given: leave one out`,
      };
  }
}

function* schedules(input: Sound, checkSchedule: CheckSchedule): Generator<Problem> {
  const caches = input.caches.map(({ name }) => name);
  const jobs = input.jobs.map(({ name }) => name);
  for (const job of input.auto ? ['forecast', 'plan', 'rise', 'warm'] : [])
    if (!jobs.includes(job))
      yield {
        path: 'schedules',
        text: `\`schedules\` is 'auto', and its job '${job}' is not in \`jobs\`: jobs: [...builtinJobs]`,
      };
  for (const { name, expression, job, payload, timezone = 'UTC' } of input.schedules) {
    const path = `schedules.${name}`;
    if (!jobs.includes(job.name))
      yield { path, text: `\`${path}\`: job '${job.name}' is not in \`jobs\`, so no worker would run it` };
    if (payload.cache !== undefined && !caches.includes(payload.cache))
      yield { path, text: `\`${path}\`: ${unknownName('cache', payload.cache, caches)}` };
    try {
      checkPayload(job, payload);
    } catch (error) {
      yield { path, text: `\`${path}\`: ${messageOf(error)}` };
    }
    try {
      checkSchedule(expression, timezone, `\`${path}\``);
    } catch (error) {
      const hints = isSamovarError(error) ? error.hints : [];
      yield { path, text: messageOf(error), hints, isAboutTime: true };
    }
  }
}

function* others(input: Sound): Generator<Problem> {
  const caches = input.caches.map(({ name }) => name);
  const jobs = input.jobs.map(({ name }) => name);
  for (const name of Object.keys(input.worker?.concurrency ?? {})) {
    const path = `worker.concurrency.${name}`;
    if (!jobs.includes(name)) yield { path, text: `\`${path}\`: ${unknownName('job', name, jobs)}` };
  }
  const map = input.import?.map;
  for (const [at, { cache }] of (typeof map === 'function' ? [] : (map ?? [])).entries()) {
    const path = `import.map[${at}].cache`;
    if (!caches.includes(cache)) yield { path, text: `\`${path}\`: ${unknownName('cache', cache, caches)}` };
  }
}
