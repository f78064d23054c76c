import { z } from 'zod';
import type { ConfigInput } from './config.ts';
import { cache } from './config-cache.ts';
import {
  count,
  duration,
  durationOrZero,
  flag,
  forward,
  is,
  isBetween,
  isFunction,
  isText,
  list,
  made,
  oneOf,
  postgresUrl,
  redisUrl,
  strict,
  text,
  texts,
} from './config-values.ts';
import type { ExpertDef } from './expert.ts';
import type { JobOptions } from './job.ts';
import { type LogLevel, logLevels } from './log.ts';
import type { ScheduleDef } from './schedule.ts';

const job = made(
  'job',
  'defineJob',
  strict({
    kind: z.literal('job'),
    name: text,
    about: text,
    reads: texts,
    writes: texts,
    payload: is('a zod schema', (value) =>
      isFunction((value as { safeParse?: unknown } | null | undefined)?.safeParse),
    ),
    attempts: count.optional(),
    timeout: duration.optional(),
    concurrency: count.optional(),
    aliases: texts.optional(),
    run: is('a function', isFunction),
  } satisfies Record<keyof JobOptions<unknown, unknown, never, never> | 'kind' | 'name', z.ZodType>),
);

const schedule = made(
  'schedule',
  'schedule(...)',
  strict({
    kind: z.literal('schedule'),
    name: text,
    expression: text,
    job: made('job', 'defineJob'),
    payload: is('an object', (value) => value !== null && typeof value === 'object'),
    timezone: text.optional(),
    catchUp: oneOf('none', 'one', 'all').optional(),
    overlap: oneOf('skip', 'queue').optional(),
  } satisfies Record<keyof ScheduleDef, z.ZodType>),
);

/** 'auto' stands alone or among schedules. */
const schedules = z.custom<unknown>().superRefine((value, context) => {
  if (value !== 'auto') forward(list(scheduleOrAuto, "schedules, or 'auto'"), value, context);
});
const scheduleOrAuto = z.custom<unknown>().superRefine((value, context) => {
  if (value !== 'auto') forward(schedule, value, context);
});

const expert = made(
  'expert',
  'defineExpert',
  strict({
    kind: z.literal('expert'),
    name: text,
    perHour: is('a function', isFunction),
  } satisfies Record<keyof ExpertDef, z.ZodType>),
);

const importPattern = strict({
  cache: text,
  path: is<string>(
    "a path with one ':' part that becomes the key, such as '/products/:id'",
    (value) => isText(value) && value.startsWith('/') && value.split(':').length === 2,
  ),
});

const importMap = z.custom<unknown>().superRefine((value, context) => {
  if (!isFunction(value))
    forward(z.array(importPattern, { error: 'a function or a list of patterns' }), value, context);
});

/** What may stand in a configuration; see `src/config.ts` for what each option means. */
export const configShape = strict(
  {
    redis: redisUrl.optional(),
    queueRedis: redisUrl.optional(),
    bufferRedis: redisUrl.optional(),
    postgres: postgresUrl.optional(),
    prefix: is<string>("1 to 32 letters, digits, '-', '_' or '.'", (value) =>
      /^[\w.-]{1,32}$/.test(String(value)),
    ).optional(),
    commandTimeout: duration.optional(),
    keptInvalidations: count.optional(),
    caches: list(cache, 'caches made by defineCache'),
    jobs: list(job, 'jobs').optional(),
    schedules: schedules.optional(),
    access: strict({
      record: flag.optional(),
      caller: text.optional(),
      demand: texts.optional(),
      flushEvery: duration.optional(),
      maxKeys: count.optional(),
    }).optional(),
    forecast: strict({ experts: list(expert, 'experts').optional(), seasonal: flag.optional() }).optional(),
    retention: strict({
      buckets: duration.optional(),
      days: duration.optional(),
      plans: duration.optional(),
    }).optional(),
    worker: strict({
      grace: durationOrZero.optional(),
      concurrency: z.record(z.string(), count, { error: 'an object of job names and numbers' }).optional(),
      stuckAfter: duration.optional(),
    }).optional(),
    http: strict({
      port: is<number>(
        'a port from 0 to 65535',
        (value) => Number.isInteger(value) && isBetween(value, 0, 65_535),
      ).optional(),
      host: text.optional(),
    }).optional(),
    log: strict({
      level: is<LogLevel>(`one of ${logLevels.join(', ')}`, (value) =>
        logLevels.includes(value as LogLevel),
      ).optional(),
    }).optional(),
    import: strict({ map: importMap.optional() }).optional(),
    allowEvictingQueue: flag.optional(),
    allowEvictingBuffer: flag.optional(),
  } satisfies Record<keyof ConfigInput, z.ZodType>,
  'an object, as defineConfig({ ... }) makes it',
);
