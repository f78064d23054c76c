import { type Config, type ConfigInput, environment } from './config.ts';
import { type CheckSchedule, crossCheck, isAuto, sound } from './config-checks.ts';
import { type Problem, problemsOf } from './config-problems.ts';
import { configShape } from './config-shape.ts';
import { defaults } from './defaults.ts';
import type { OriginDef } from './define.ts';
import { type Duration, durationMs } from './duration.ts';
import { SamovarError } from './errors.ts';
import type { ScheduleDef } from './schedule.ts';

/** The options that have a variable in the environment have a flag, too. */
export const flagNames = {
  redis: '--redis',
  queueRedis: '--queue-redis',
  bufferRedis: '--buffer-redis',
  postgres: '--postgres',
  'log.level': '--log-level',
  'http.port': '--port',
  'http.host': '--host',
} as const satisfies Record<(typeof environment)[keyof typeof environment], string>;

/** Texts from the command line, by the path of their option. */
export type Flags = Readonly<Partial<Record<keyof typeof flagNames, string | undefined>>>;

type Variables = Readonly<Record<string, string | undefined>>;

/** The environment of this process: the one place that looks at it. */
export const processEnvironment = (): Variables => process.env;

export interface ReadOptions {
  /** Values from the command line: they win over everything. */
  readonly flags?: Flags;
  readonly env?: Variables;
  /** What a .env file says, and how it is called. */
  readonly envFile?: { readonly name: string; readonly values: Variables };
  /** How the configuration is called in messages. @default 'samovar.config' */
  readonly file?: string;
  /** Checks cron expressions; the queue knows how. @default every expression passes */
  readonly checkSchedule?: CheckSchedule;
  /** For processes that no reader waits for. */
  readonly leastCommandTimeoutMs?: number;
}

const read = new WeakSet<object>();

/**
 * Checks a configuration, fills in what it leaves out, and freezes it. Flags win over the environment, that over .env,
 * that over the file, that over the defaults. Throws E_CONFIG listing every problem (E_CRON when all are about time).
 * A configuration that was read before is returned as it is.
 */
export function readConfig(input: unknown, options: ReadOptions = {}): Config {
  if (typeof input === 'object' && input !== null && read.has(input)) return input as Config;
  const file = options.file ?? 'samovar.config';
  const { merged, sources } = overlay(input, options);
  const issues = configShape.safeParse(merged).error?.issues ?? [];
  const problems = [
    ...problemsOf(merged, issues, sources),
    ...crossCheck(sound(merged, issues), options.checkSchedule ?? (() => {})),
  ];
  if (problems.length > 0) throw failure(file, problems);
  const sourceOf = (path: string) => sources.get(path) ?? `\`${path}\` in ${file}`;
  const config = resolve(merged as ConfigInput, sourceOf, options.leastCommandTimeoutMs ?? 0);
  read.add(config);
  return config;
}

function failure(file: string, problems: readonly Problem[]): SamovarError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new SamovarError(
    problems.every((problem) => problem.isAboutTime) ? 'E_CRON' : 'E_CONFIG',
    [`${file} has ${count}`, ...problems.map(({ text }) => `  ${text}`)].join('\n'),
    {
      hints: [
        ...new Set(problems.flatMap(({ hints = [] }) => hints)),
        'nothing was started; check again with: samovar config --check',
      ],
    },
  );
}

/** The input with what flags, environment and .env say in the place of what the file says. */
function overlay(
  input: unknown,
  { flags = {}, env = {}, envFile }: ReadOptions,
): { merged: unknown; sources: Map<string, string> } {
  const sources = new Map<string, string>();
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return { merged: input, sources };
  const merged: Record<string, unknown> = { ...input };
  for (const variable of Object.keys(environment) as (keyof typeof environment)[]) {
    const path = environment[variable];
    const layers: [string | undefined, string][] = [
      [flags[path], flagNames[path]],
      [env[variable], variable],
      [envFile?.values[variable], `${variable} in ${envFile?.name}`],
    ];
    const [value, source] = layers.find(([value]) => value !== undefined && value !== '') ?? [];
    if (value === undefined || source === undefined) continue;
    sources.set(path, source);
    put(merged, path, path === 'http.port' && /^\d+$/.test(value) ? Number(value) : value);
  }
  return { merged, sources };
}

function put(into: Record<string, unknown>, path: string, value: unknown): void {
  const [first = '', second] = path.split('.');
  if (second === undefined) into[first] = value;
  else into[first] = { ...(into[first] as object | undefined), [second]: value };
}

const ms = (value: Duration | undefined, otherwise: number): number =>
  value === undefined ? otherwise : durationMs(value, '');

function resolve(
  input: ConfigInput,
  sourceOf: (path: string) => string,
  leastCommandTimeoutMs: number,
): Config {
  const { access = {}, retention = {}, worker = {}, http = {}, log = {} } = input;
  const address = (...paths: ('redis' | 'queueRedis' | 'bufferRedis' | 'postgres')[]) => {
    const path = paths.find((path) => input[path] !== undefined);
    return path === undefined
      ? { url: undefined, from: 'not set' }
      : { url: input[path], from: sourceOf(path) };
  };
  const redis = address('redis');
  const queueRedis = address('queueRedis', 'redis');
  const bufferRedis = address('bufferRedis', 'queueRedis', 'redis');
  const postgres = address('postgres');
  return freeze({
    redis: redis.url,
    queueRedis: queueRedis.url,
    bufferRedis: bufferRedis.url,
    postgres: postgres.url,
    prefix: input.prefix ?? defaults.prefix,
    commandTimeoutMs: Math.max(leastCommandTimeoutMs, ms(input.commandTimeout, defaults.commandTimeoutMs)),
    keptInvalidations: input.keptInvalidations ?? defaults.keptInvalidations,
    caches: input.caches,
    origins: [...new Set(input.caches.map(({ origin }): OriginDef => origin))],
    jobs: input.jobs ?? [],
    schedules: toSchedules(input.schedules),
    auto: isAuto(input.schedules),
    access: {
      record: access.record ?? defaults.access.record,
      caller: access.caller ?? defaults.access.caller,
      demand: access.demand ?? defaults.access.demand,
      flushEveryMs: ms(access.flushEvery, defaults.access.flushEveryMs),
      maxKeys: access.maxKeys ?? defaults.access.maxKeys,
    },
    forecast: { experts: input.forecast?.experts ?? [], seasonal: input.forecast?.seasonal ?? false },
    retention: {
      bucketsMs: ms(retention.buckets, defaults.retention.bucketsMs),
      daysMs: ms(retention.days, defaults.retention.daysMs),
      plansMs: ms(retention.plans, defaults.retention.plansMs),
    },
    worker: {
      graceMs: ms(worker.grace, defaults.worker.graceMs),
      concurrency: worker.concurrency ?? defaults.worker.concurrency,
      stuckAfterMs: ms(worker.stuckAfter, defaults.worker.stuckAfterMs),
    },
    http: { port: http.port ?? defaults.http.port, host: http.host ?? defaults.http.host },
    log: { level: log.level ?? defaults.log.level },
    import: { map: input.import?.map },
    allowEvictingQueue: input.allowEvictingQueue ?? defaults.allowEvictingQueue,
    allowEvictingBuffer: input.allowEvictingBuffer ?? defaults.allowEvictingBuffer,
    sources: {
      redis: redis.from,
      queueRedis: queueRedis.from,
      bufferRedis: bufferRedis.from,
      postgres: postgres.from,
    },
  });
}

const toSchedules = (given: ConfigInput['schedules'] = []): ScheduleDef[] =>
  given === 'auto' ? [] : given.filter((each) => each !== 'auto');

/** Freezes plain objects and lists all the way down; what an application's own classes made is its own. */
function freeze<T>(value: T, seen = new WeakSet<object>()): T {
  if (typeof value !== 'object' || value === null || seen.has(value)) return value;
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value;
  seen.add(Object.freeze(value));
  for (const inner of Object.values(value)) freeze(inner, seen);
  return value;
}
