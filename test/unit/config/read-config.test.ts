import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type ConfigInput, environment } from '../../../src/config.ts';
import { defaults } from '../../../src/defaults.ts';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import { isSamovarError, type SamovarError } from '../../../src/errors.ts';
import { defineJob, done } from '../../../src/job.ts';
import { key } from '../../../src/key.ts';
import { checkExpression as checkSchedule } from '../../../src/queue/cron.ts';
import { flagNames, readConfig } from '../../../src/read-config.ts';
import { schedule } from '../../../src/schedule.ts';

const origin = defineOrigin('catalog', { budget: { perSecond: 250 } });
const load = async (ids: number[]) => new Map(ids.map((id) => [id, { id }]));
const options = { origin, key: key.number, load, ttl: '10m' } as const;
const products = defineCache('products', options);
const warm = defineJob('warm', {
  about: 'warms',
  reads: [],
  writes: [],
  payload: z.strictObject({ cache: z.string(), top: z.number().optional() }),
  run: async () => done({}),
});

/** A cache with options that the type checker would refuse. */
const wrongly = (name: string, wrong: object) =>
  defineCache(name, { ...options, ...wrong } as typeof options);
const refusal = (input: unknown, more: Parameters<typeof readConfig>[1] = {}): SamovarError => {
  try {
    readConfig(input, more);
  } catch (error) {
    if (isSamovarError(error)) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
};
const complaint = (input: unknown) => refusal(input).message.split('\n').slice(1).join('\n').trim();

describe('what is left out', () => {
  test('is what the table of defaults says', () => {
    const config = readConfig({ caches: [products] });
    expect(config).toMatchObject({
      prefix: defaults.prefix,
      access: defaults.access,
      retention: defaults.retention,
      worker: defaults.worker,
      http: defaults.http,
      log: defaults.log,
      allowEvictingQueue: false,
      jobs: [],
      schedules: [],
    });
    expect(config.origins).toEqual([origin]);
    expect(config.caches[0]).toBe(products);
  });

  test('the Redis of the queue and of the buffer are the next one down', () => {
    const config = readConfig({ caches: [], redis: 'redis://a:1' });
    expect([config.queueRedis, config.bufferRedis]).toEqual(['redis://a:1', 'redis://a:1']);
    expect(config.sources).toEqual({
      redis: '`redis` in samovar.config',
      queueRedis: '`redis` in samovar.config',
      bufferRedis: '`redis` in samovar.config',
      postgres: 'not set',
    });
    const two = readConfig({ caches: [], redis: 'redis://a:1', queueRedis: 'rediss://b:2' });
    expect(two.bufferRedis).toBe('rediss://b:2');
  });
});

describe('what is given', () => {
  test('durations become milliseconds', () => {
    const config = readConfig({
      caches: [],
      access: { flushEvery: '1.5s' },
      retention: { buckets: '4d' },
      worker: { grace: 0, stuckAfter: '3m' },
    });
    expect(config.access.flushEveryMs).toBe(1_500);
    expect(config.retention.bucketsMs).toBe(4 * 86_400_000);
    expect(config.worker).toMatchObject({ graceMs: 0, stuckAfterMs: 180_000 });
  });

  test.each([
    ['redis', 'REDIS_URL', 'redis://'],
    ['queueRedis', 'QUEUE_REDIS_URL', 'redis://'],
    ['bufferRedis', 'BUFFER_REDIS_URL', 'redis://'],
    ['postgres', 'DATABASE_URL', 'postgres://'],
  ] as const)('%s: flag over environment over .env over file', (path, variable, scheme) => {
    const url = (name: string) => `${scheme}${name}/0`;
    const layers = [
      { input: { caches: [], [path]: url('file') }, from: `\`${path}\` in x.ts`, host: 'file' },
      {
        envFile: { name: '.env', values: { [variable]: url('dotenv') } },
        from: `${variable} in .env`,
        host: 'dotenv',
      },
      { env: { [variable]: url('env') }, from: variable, host: 'env' },
      { flags: { [path]: url('flag') }, from: flagNames[path], host: 'flag' },
    ];
    let all: { input?: ConfigInput } & Parameters<typeof readConfig>[1] = { file: 'x.ts' };
    for (const { from, host, ...layer } of layers) {
      all = { ...all, ...layer };
      const config = readConfig(all.input, all);
      expect(config[path]).toBe(url(host));
      expect(config.sources[path]).toBe(from);
    }
  });

  test('PORT, HOST and LOG_LEVEL are read, empty variables are not', () => {
    const env = { PORT: '0', HOST: '0.0.0.0', LOG_LEVEL: 'debug', REDIS_URL: '' };
    const config = readConfig({ caches: [], http: { port: 1 }, redis: 'redis://x' }, { env });
    expect(config.http).toEqual({ port: 0, host: '0.0.0.0' });
    expect(config.log.level).toBe('debug');
    expect(config.redis).toBe('redis://x');
  });

  test('every variable has a flag', () => {
    expect(Object.keys(flagNames).sort()).toEqual(Object.values(environment).sort());
  });

  test('is frozen all the way down, but for what an application made by its classes', () => {
    const config = readConfig(
      {
        caches: [defineCache('x', { ...options, warm: { also: [{ ids: [1] }] } })],
        jobs: [warm],
        schedules: [schedule('* * * * *', warm, { cache: 'x' })],
      },
      {},
    );
    for (const inner of [
      config,
      config.access,
      config.access.demand,
      config.caches,
      config.caches[0]!.warm?.also,
      config.sources,
    ])
      expect(Object.isFrozen(inner)).toBe(true);
    expect(() => Object.assign(config.worker, { graceMs: 1 })).toThrow(TypeError);
    expect(Object.isFrozen(warm.payload)).toBe(false);
  });

  test('schedules are a list, or what is found in the days of keys, or both', () => {
    const own = schedule('* * * * *', warm, { cache: 'products' });
    const jobs = ['forecast', 'plan', 'rise', 'warm'].map((name) => ({ ...warm, name }));
    const read = (schedules: ConfigInput['schedules']) => {
      const config = readConfig({ caches: [products], jobs, ...(schedules && { schedules }) });
      return [config.schedules, config.auto];
    };
    expect(read(undefined)).toEqual([[], false]);
    expect(read([own])).toEqual([[own], false]);
    expect(read('auto')).toEqual([[], true]);
    expect(read(['auto', own])).toEqual([[own], true]);
  });

  test('a configuration that was read is not read again', () => {
    const config = readConfig({ caches: [products] });
    expect(readConfig(config)).toBe(config);
  });
});

describe('what is wrong', () => {
  test('every problem is told, in one error, with the way out', () => {
    const error = refusal(
      {
        caches: [wrongly('products', { ttl: '10 minutes', tll: 1 })],
        jobs: [warm],
        schedules: [schedule('*/15 * * * *', warm, { cache: 'product' })],
        http: { port: 'eighty' },
      },
      { file: 'samovar.config.ts' },
    );
    expect(error.code).toBe('E_CONFIG');
    expect(error.message.split('\n')[0]).toBe('samovar.config.ts has 4 problems');
    expect(error.message).toContain(
      "expected `caches.products.ttl` to be a duration such as '10m' that is longer than 0, a function of the value, or a policy of `ttl`, got '10 minutes'",
    );
    expect(error.message).toContain('unknown option `caches.products.tll`. Did you mean `ttl`?');
    expect(error.message).toContain(
      "`schedules.warm-product`: there is no cache 'product'. Did you mean 'products'?",
    );
    expect(error.message).toContain("expected `http.port` to be a port from 0 to 65535, got 'eighty'");
    expect(error.hints.join()).toContain('samovar config --check');
  });

  test.each<[string, unknown, string]>([
    [
      'no object',
      'yes',
      "expected the configuration to be an object, as defineConfig({ ... }) makes it, got 'yes'",
    ],
    ['nothing', undefined, 'expected the configuration to be an object'],
    ['no caches', {}, 'expected `caches` to be a list of caches made by defineCache, got nothing'],
    [
      'a cache by hand',
      { caches: [{ name: 'x' }] },
      'expected `caches.x` to be made by defineCache, got an object',
    ],
    [
      'a share of the ttl beyond it',
      { caches: [wrongly('x', { refreshAhead: 2 })] },
      'expected `caches.x.refreshAhead` to be a share of the ttl between 0.1 and 0.95, got 2',
    ],
    [
      'a refresh that costs more than a miss',
      { caches: [wrongly('x', { refreshAhead: { refreshCost: 7 } })] },
      'expected `caches.x.refreshAhead.refreshCost` to be a number from 0 to 1, got 7',
    ],
    [
      'an option of refreshing that nobody knows',
      { caches: [wrongly('x', { refreshAhead: { threshold: 0.5 } })] },
      'unknown option `caches.x.refreshAhead.threshold`',
    ],
    [
      'refreshes that are gathered for no time',
      { caches: [wrongly('x', { refreshAhead: { gatherFor: 0 } })] },
      '`caches.x.refreshAhead.gatherFor` to be a duration',
    ],
    ['a ttl of zero', { caches: [wrongly('x', { ttl: 0 })] }, 'expected `caches.x.ttl` to be a duration'],
    [
      'no load',
      { caches: [wrongly('x', { load: undefined })] },
      '`caches.x.load` to be a function from ids to values, got nothing',
    ],
    [
      'no key codec',
      { caches: [wrongly('x', { key: 'id' })] },
      "`caches.x.key` to be a key codec such as key.number, or key.custom({ encode, decode }), got 'id'",
    ],
    [
      'no origin',
      { caches: [wrongly('x', { origin: undefined })] },
      '`caches.x.origin` to be made by defineOrigin, got nothing',
    ],
    [
      'too much jitter',
      { caches: [wrongly('x', { jitter: 0.6 })] },
      '`caches.x.jitter` to be a share between 0 and 0.5, got 0.6',
    ],
    [
      'a hold-off of days',
      { caches: [wrongly('x', { holdOff: '2d' })] },
      "`caches.x.holdOff` to be a duration such as '2s', at most '1h', got '2d'",
    ],
    ['jitter below zero', { caches: [wrongly('x', { jitter: -0.1 })] }, '`caches.x.jitter`'],
    [
      'a batch of none',
      { caches: [wrongly('x', { batch: 0 })] },
      '`caches.x.batch` to be a whole number of at least 1, got 0',
    ],
    [
      'a mixed source',
      { caches: [wrongly('x', { warm: { also: [{ ids: [1], sql: 'select 1' }] } })] },
      '`caches.x.warm.also[0]` to be one of',
    ],
    [
      'an unknown warm option',
      { caches: [wrongly('x', { warm: { horizn: '1h' } })] },
      '`caches.x.warm.horizn`. Did you mean `horizon`?',
    ],
    [
      'a budget below zero',
      { caches: [wrongly('x', { origin: defineOrigin('db', { budget: { perSecond: -1 } }) })] },
      '`caches.x.origin.budget.perSecond` to be a number of at least 0 (0 stops background loads), got -1',
    ],
    [
      'a mistyped budget',
      { caches: [wrongly('x', { origin: defineOrigin('db', { budget: { persecond: 1 } as never }) })] },
      '`caches.x.origin.budget.persecond`. Did you mean `perSecond`?',
    ],
    [
      'a wrong scheme',
      { caches: [], redis: 'http://user:secret@x' },
      "expected `redis` to be an address such as redis://127.0.0.1:6379 (or rediss://), got an address that starts with 'http://'",
    ],
    ['no scheme', { caches: [], postgres: 'user:secret@host/db' }, 'got a text that is not an address'],
    ['a prefix with braces', { caches: [], prefix: '{a}' }, '`prefix` to be 1 to 32 letters'],
    [
      'an unknown log level',
      { caches: [], log: { level: 'loud' } },
      "`log.level` to be one of debug, info, warn, error, silent, got 'loud'",
    ],
    ['a job by hand', { caches: [], jobs: [{ name: 'mine' }] }, '`jobs.mine` to be made by defineJob'],
    [
      'an unknown option',
      { caches: [], schedule: [] },
      'unknown option `schedule`. Did you mean `schedules`?',
    ],
    [
      'an option like no other',
      { caches: [], zzzzzz: 1 },
      'unknown option `zzzzzz`. Known here: redis, queueRedis',
    ],
    [
      'two caches of a name',
      { caches: [products, defineCache('products', options)] },
      "two caches are called 'products'",
    ],
    [
      'two jobs of a name',
      { caches: [], jobs: [warm, { ...warm, name: 'other', aliases: ['warm'] }] },
      "two jobs (or their aliases) are called 'warm'",
    ],
    [
      'two schedules of a name',
      {
        caches: [products],
        jobs: [warm],
        schedules: [
          schedule('* * * * *', warm, { cache: 'products' }),
          schedule('0 * * * *', warm, { cache: 'products' }),
        ],
      },
      "two schedules are called 'warm-products'; name one",
    ],
    [
      'two origins of a name',
      { caches: [products, defineCache('y', { ...options, origin: defineOrigin('catalog') })] },
      "another origin of the name 'catalog'",
    ],
    [
      'a schedule of no job',
      { caches: [products], schedules: [schedule('* * * * *', warm, { cache: 'products' })] },
      "job 'warm' is not in `jobs`",
    ],
    [
      'a schedule with a wrong payload',
      {
        caches: [products],
        jobs: [warm],
        schedules: [schedule('* * * * *', warm, { cache: 'products', top: 'all' as never })],
      },
      '`payload.top`',
    ],
    [
      'automatic schedules without their jobs',
      { caches: [products], jobs: [warm], schedules: 'auto' },
      "`schedules` is 'auto', and its job 'rise' is not in `jobs`",
    ],
    [
      'schedules that are another word',
      { caches: [products], schedules: 'automatic' as never },
      "expected `schedules` to be a list of schedules, or 'auto', got 'automatic'",
    ],
    [
      'another word among schedules',
      { caches: [products], schedules: ['daily' as never] },
      'expected `schedules[0]` to be made by schedule(...)',
    ],
    [
      'concurrency of no job',
      { caches: [], jobs: [warm], worker: { concurrency: { warn: 2 } } },
      "`worker.concurrency.warn`: there is no job 'warn'. Did you mean 'warm'?",
    ],
    [
      'a concurrency of half',
      { caches: [], jobs: [warm], worker: { concurrency: { warm: 0.5 } } },
      '`worker.concurrency.warm` to be a whole number',
    ],
    [
      'an import for no cache',
      { caches: [products], import: { map: [{ cache: 'prices', path: '/p/:id' }] } },
      "`import.map[0].cache`: there is no cache 'prices'. Known: products",
    ],
    [
      'an import without a key',
      { caches: [products], import: { map: [{ cache: 'products', path: '/p' }] } },
      '`import.map[0].path` to be a path with one',
    ],
    [
      'an import by nothing',
      { caches: [], import: { map: 3 } },
      '`import.map` to be a function or a list of patterns, got 3',
    ],
  ])('%s', (_, input, text) => expect(complaint(input)).toContain(text));

  test('a value of the environment is told with its variable', () => {
    const env = { PORT: 'http' };
    expect(refusal({ caches: [] }, { env }).message).toContain(
      '`http.port` (PORT) to be a port from 0 to 65535',
    );
    const envFile = { name: '.env.local', values: { REDIS_URL: '127.0.0.1:6379' } };
    expect(refusal({ caches: [] }, { envFile }).message).toContain('`redis` (REDIS_URL in .env.local)');
  });

  test('no address is ever printed whole', () => {
    for (const path of ['redis', 'queueRedis', 'bufferRedis', 'postgres'])
      for (const url of ['http://u:hunter2@h', 'u:hunter2@h', 'mysql://h/db?password=hunter2'])
        expect(refusal({ caches: [], [path]: url }).message).not.toContain('hunter2');
  });

  test('schedules are checked by who knows cron; trouble with time alone is E_CRON', () => {
    const schedules = [schedule('* * * *', warm, { cache: 'products' }, { timezone: 'Europe/Berlin' })];
    const error = refusal({ caches: [products], jobs: [warm], schedules }, { checkSchedule });
    expect(error.code).toBe('E_CRON');
    expect(error.message).toContain("`schedules.warm-products`: '* * * *': has 4 fields");
    expect(error.hints[0]).toContain('minute hour day-of-month month day-of-week');
    expect(
      refusal({ caches: [products], jobs: [warm], schedules, nonsense: 1 }, { checkSchedule }).code,
    ).toBe('E_CONFIG');
  });

  test.each([
    ['Berlin', "'Berlin' is not an IANA name, did you mean 'Europe/Berlin'?"],
    ['New York', "did you mean 'America/New_York'?"],
  ])('time zone %s', (timezone, text) => {
    const schedules = [schedule('* * * * *', warm, { cache: 'products' }, { timezone })];
    const error = refusal({ caches: [products], jobs: [warm], schedules }, { checkSchedule });
    expect(error.code).toBe('E_CRON');
    expect(error.message).toContain(text);
  });
});

test('a process that no reader waits for has at least its own patience with the cache', () => {
  const patient = (commandTimeout: string | undefined) =>
    readConfig(
      { caches: [], ...(commandTimeout === undefined ? {} : { commandTimeout }) },
      { env: {}, leastCommandTimeoutMs: 2_000 },
    ).commandTimeoutMs;
  expect([patient(undefined), patient('100ms'), patient('5s')]).toEqual([2_000, 2_000, 5_000]);
  expect(readConfig({ caches: [] }, { env: {} }).commandTimeoutMs).toBe(250);
});
