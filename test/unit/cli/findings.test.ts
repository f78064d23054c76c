import { describe, expect, test } from 'vitest';
import { examine } from '../../../cli/findings.ts';
import { idle } from '../../../cli/findings-config.ts';
import { builtinJobs, invalidate, warm } from '../../../jobs/index.ts';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import type { ServerFacts } from '../../../src/facade.ts';
import { key } from '../../../src/key.ts';
import { readConfig } from '../../../src/read-config.ts';
import { schedule } from '../../../src/schedule.ts';

const origin = defineOrigin('db', { budget: { perSecond: 100 } });
const options = { origin, key: key.number, load: async () => new Map(), ttl: '10m' } as const;
const plain = defineCache('products', options);
const tagged = defineCache('tagged', { ...options, tags: () => ['a'] });

const facts: Record<ServerFacts['role'], ServerFacts> = {
  cache: {
    role: 'cache',
    url: 'redis://a',
    from: 'REDIS_URL',
    ok: true,
    version: '7.0',
    roundTripMs: 0.4,
    skewMs: 0,
    policy: 'volatile-lfu',
    maxBytes: 100,
    usedBytes: 10,
  },
  queue: {
    role: 'queue',
    url: 'redis://b',
    from: 'QUEUE_REDIS_URL',
    ok: true,
    version: '7.0',
    skewMs: 0,
    policy: 'noeviction',
    maxBytes: 0,
  },
  buffer: {
    role: 'buffer',
    url: 'redis://d',
    from: 'BUFFER_REDIS_URL',
    ok: true,
    version: '7.0',
    skewMs: 0,
    policy: 'noeviction',
    maxBytes: 0,
    appendOnly: true,
  },
  postgres: {
    role: 'postgres',
    url: 'postgres://c',
    from: 'DATABASE_URL',
    ok: true,
    version: '15',
    skewMs: 0,
    schemaVersion: 1,
    canWrite: true,
  },
};
const look = (
  change: Partial<Record<ServerFacts['role'], Partial<ServerFacts>>> = {},
  config: object = {},
) => {
  const servers = Object.values(facts).map((server) => ({ ...server, ...change[server.role] }));
  const read = readConfig({ redis: 'redis://a:1', queueRedis: 'redis://b:2', caches: [plain], ...config });
  return examine(read, servers, 1);
};
const bad = (found: ReturnType<typeof look>) =>
  found.filter(({ level, subject }) => level !== 'ok' && subject !== 'config');

test('servers as they should be leave nothing to say', () => expect(bad(look())).toEqual([]));

describe('each of these has its finding, with a fix', () => {
  test.each<[string, Parameters<typeof look>, 'warning' | 'error', string, string]>([
    [
      'a queue that evicts',
      [{ queue: { policy: 'allkeys-lru' } }],
      'error',
      'it may delete jobs: maxmemory-policy is allkeys-lru',
      'noeviction',
    ],
    [
      'a queue that evicts, accepted',
      [{ queue: { policy: 'allkeys-lru' } }, { allowEvictingQueue: true }],
      'warning',
      'accepted',
      'noeviction',
    ],
    [
      'a buffer that evicts',
      [{ buffer: { policy: 'allkeys-lru' } }],
      'error',
      'it may delete writes that were acknowledged: maxmemory-policy is allkeys-lru',
      'noeviction',
    ],
    [
      'a buffer that evicts, accepted',
      [{ buffer: { policy: 'allkeys-lru' } }, { allowEvictingBuffer: true }],
      'warning',
      'accepted',
      'noeviction',
    ],
    [
      'a buffer that is only in memory',
      [{ buffer: { appendOnly: false } }],
      'warning',
      'no append-only file',
      'appendonly yes',
    ],
    [
      'a queue whose policy is hidden',
      [{ queue: { policy: 'unknown' } }],
      'warning',
      'cannot be read',
      'noeviction',
    ],
    [
      'a cache that never evicts',
      [{ cache: { policy: 'noeviction' } }],
      'warning',
      'writes fail',
      'volatile-lfu',
    ],
    [
      'a cache that may evict its tag clock',
      [{ cache: { policy: 'allkeys-lfu' } }, { caches: [tagged] }],
      'error',
      'clock of the tags',
      'volatile-lfu',
    ],
    ['a cache without a limit', [{ cache: { maxBytes: 0 } }], 'warning', 'no maxmemory', 'maxmemory 2gb'],
    ['a full cache', [{ cache: { usedBytes: 99 } }], 'warning', '99 % full', 'raise maxmemory'],
    [
      'one Redis for both',
      [{}, { queueRedis: 'redis://a:1/2' }],
      'warning',
      'share one server',
      'QUEUE_REDIS_URL',
    ],
    ['a clock that is ahead', [{ postgres: { skewMs: 4_200 } }], 'warning', '4.2 s ahead of', 'time service'],
    [
      'a clock that is behind',
      [{ queue: { skewMs: -90_000 } }],
      'warning',
      '1 m 30 s behind',
      'time service',
    ],
    [
      'an old schema',
      [{ postgres: { schemaVersion: 0 } }],
      'error',
      'at version 0, this build needs 1',
      'samovar migrate',
    ],
    [
      'a schema of a newer build',
      [{ postgres: { schemaVersion: 2 } }],
      'error',
      'newer than this build',
      'upgrade',
    ],
    [
      'a user who may not create',
      [{ postgres: { canWrite: false } }],
      'error',
      'may not create',
      'grant create',
    ],
    [
      'a server that is away',
      [{ cache: { ok: false, error: 'connect ECONNREFUSED' } }],
      'error',
      'ECONNREFUSED',
      'REDIS_URL',
    ],
  ])('%s', (_, asked, level, text, fix) => {
    const found = bad(look(...asked));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ level, text: expect.stringContaining(text) });
    expect(found[0]!.fixes.join('\n')).toContain(fix);
  });
});

describe('changes of tables', () => {
  const told = { waiting: 0, oldestMs: 0, triggers: [{ table: 'product', state: 'ok' as const }] };
  const watched = defineCache('watched', { ...options, invalidateOn: { table: 'product', id: 'id' } });
  const invalidating = { caches: [watched], jobs: [invalidate] };
  const about = (changes: Partial<NonNullable<ServerFacts['changes']>>, config: object = invalidating) =>
    look({ postgres: { changes: { ...told, ...changes } } }, config).filter(
      ({ subject }) => subject === 'changes',
    );

  test.each<[string, Parameters<typeof about>, string, string]>([
    ['nothing waits', [{}], 'ok', 'none waits'],
    ['some are on their way', [{ waiting: 3, oldestMs: 50 }], 'ok', '3 on their way'],
    [
      'nobody carries them out',
      [{ waiting: 7, oldestMs: 120_000 }],
      'error',
      '7 wait in the outbox, the oldest for 2 m 0 s',
    ],
    [
      'triggers are missing',
      [{ triggers: [{ table: 'product', state: 'missing' }] }],
      'error',
      "triggers of table 'product' are missing",
    ],
    [
      'triggers are of another configuration',
      [{ triggers: [{ table: 'product', state: 'changed' }] }],
      'error',
      'are not what the configuration asks for',
    ],
    [
      'triggers were left',
      [{ triggers: [{ table: 'old', state: 'left' }] }],
      'warning',
      "table 'old' has triggers that no cache asks for",
    ],
    ['a table is not there', [{ triggers: [], error: 'no table product' }], 'error', 'no table product'],
    ['no worker has the job', [{}, { caches: [watched], jobs: [] }], 'error', 'no worker carries it out'],
  ])('when %s', (_, args, level, message) => {
    expect(about(...args)).toContainEqual(
      expect.objectContaining({ level, text: expect.stringContaining(message) }),
    );
  });
});

test('allkeys-* is fine while no cache has tags', () => {
  expect(bad(look({ cache: { policy: 'allkeys-lfu' } }))).toEqual([]);
});

test('a configuration that will do nothing is told', () => {
  const free = defineCache('free', { ...options, origin: defineOrigin('free') });
  const texts = look({}, { caches: [free] })
    .filter(({ subject }) => subject === 'config')
    .map(({ text }) => text);
  expect(texts).toEqual([
    expect.stringContaining('it has no jobs'),
    expect.stringContaining("origin 'free' has no budget"),
  ]);
  expect(look({}, { caches: [] }).some(({ text }) => text === 'it has no caches')).toBe(true);
});

test('a budget that cannot keep a plan warm is told, with what would', () => {
  const slow = defineOrigin('slow', { budget: { perSecond: 2 } });
  const of = (more: object) => {
    const cache = defineCache('hot', { ...options, origin: slow, ttl: '5m', ...more });
    const schedules = [schedule('*/5 * * * *', warm, { cache: 'hot' })];
    return look({}, { caches: [cache], jobs: [...builtinJobs], schedules }).filter(
      ({ subject, level }) => subject === 'config' && level === 'warning',
    );
  };
  expect(of({})).toEqual([
    {
      level: 'warning',
      subject: 'config',
      text: expect.stringContaining("loads 600 keys within the ttl of cache 'hot', and a plan holds 1000"),
      fixes: [expect.stringContaining('budget.perSecond: 4')],
    },
  ]);
  expect(of({ warm: { top: 600 } })).toEqual([]);
  expect(of({ ttl: '10m' })).toEqual([]);
  expect(of({ origin: defineOrigin('stopped', { budget: { perSecond: 0 } }) })).toEqual([
    expect.objectContaining({ text: expect.stringContaining('a budget of 0') }),
  ]);
});

test('that nobody works is said, unless the queue is away and nobody can know', () => {
  const queue = (workers: number) => ({ job: 'warm', counts: {}, workers });
  expect(idle([queue(0), queue(0)])).toMatchObject([
    { level: 'warning', subject: 'workers', fixes: ['samovar worker'] },
  ]);
  expect(idle([queue(0), queue(1)])).toEqual([]);
  expect(idle([])).toEqual([]);
});
