import { beforeEach, expect, test } from 'vitest';
import { prune } from '../../jobs/prune.ts';
import { createBuckets } from '../../src/access/postgres.ts';
import { createDirtyRecords } from '../../src/dirty/postgres.ts';
import { createRefreshes } from '../../src/due/postgres.ts';
import { dayMs, hourMs } from '../../src/duration.ts';
import { createEmitter } from '../../src/events.ts';
import { createForecasts } from '../../src/forecast/postgres.ts';
import type { JobContext } from '../../src/job.ts';
import { silentLog } from '../../src/log.ts';
import { createPlans } from '../../src/plan/postgres.ts';
import type { Writes } from '../../src/rooms.ts';
import { createRedisTags, tagsKey } from '../../src/tags/redis.ts';
import { database, fakeClock, redis } from '../support/index.ts';

const db = await database();
const cache = await redis('cache');
const clock = fakeClock();
const now = clock.now();
const retention = { bucketsMs: 3 * dayMs, daysMs: 56 * dayMs, plansMs: 14 * dayMs };
const events = createEmitter();
const nothingDue = () => Promise.reject(new Error('nothing is refreshed here'));

const writes: Pick<Writes, 'buckets' | 'dirty' | 'due' | 'forecasts' | 'plans' | 'tags'> = {
  buckets: createBuckets(db.pool, { clock, retention }),
  dirty: {
    prune: createDirtyRecords(db.pool).prune,
    flush: () => Promise.reject(new Error('nothing is flushed here')),
  },
  due: {
    prune: createRefreshes(db.pool, { events, retention }).prune,
    open: nothingDue,
    note: nothingDue,
    claim: nothingDue,
    settle: nothingDue,
  },
  forecasts: createForecasts(db.pool, { retention }),
  plans: createPlans(db.pool, { clock, events, retention }),
  tags: createRedisTags(cache.client, { prefix: 'test', keepMs: 0 }),
};
const moves: string[] = [];
class Killed extends Error {}
/** The rooms; the worker dies before one of its moves, if told to. */
const rooms = (diesBefore?: string) =>
  Object.fromEntries(
    Object.entries(writes).map(([name, room]) => [
      name,
      {
        ...room,
        prune: async (at: number) => {
          if (name === diesBefore) throw new Killed();
          moves.push(name);
          return room.prune(at);
        },
      },
    ]),
  ) as unknown as typeof writes;
const context: JobContext = {
  id: '1',
  attempt: 1,
  worker: 'w',
  at: now,
  now: () => now,
  signal: new AbortController().signal,
  log: silentLog,
  progress: async () => {},
};

beforeEach(async () => {
  moves.length = 0;
  await cache.flush();
  await db.rows(
    'truncate samovar.cache, samovar.plan, samovar.forecast, samovar.key_state, samovar.job_run cascade',
  );
  const [row] = await db.rows<{ id: number }>(
    `insert into samovar.cache (name, last_bucket) values ('products', $1) returning id`,
    [now / hourMs],
  );
  const old = `to_timestamp(${now - 20 * dayMs}::float8 / 1000)`;
  await db.rows(
    `insert into samovar.plan (cache_id, at, horizon_ms, ttl_ms, trigger, state, rows, wished, fresh, skipped, saving_ms, ended_at)
     values ($1, ${old}, 1, 1, 'cron', 'done', 0, 0, 0, 0, 0, ${old})`,
    [row!.id],
  );
  await db.rows(
    `insert into samovar.forecast (cache_id, at, horizon_ms, scorer, keys, heats, costs, sizes, term_names, terms)
     values ($1, ${old}, 1, 's', '{}', '{}', '{}', '{}', '{}', '{}')`,
    [row!.id],
  );
  await db.rows(
    `insert into samovar.refresh (cache_id, at, expires_at, written, used) values ($1, ${old}, ${old}, '110', '100')`,
    [row!.id],
  );
  await db.rows('insert into samovar.key_state values (1, $1, 0, 0, 1, 1, 1, 1, 1, 1, 1)', [row!.id]);
  await db.rows(
    `insert into samovar.job_run (job, job_id, worker, attempt, started_at) values ('warm', '1', 'w', 1, ${old})`,
  );
  await db.rows(
    `insert into samovar.dirty_row values ('item', 'old', 1, true, ${old}), ('item', 'kept', 1, false, ${old}) on conflict do nothing`,
  );
  await cache.client.hset(tagsKey('test'), { seq: String(now * 1_000), 't:old': '1' });
  // The clock of tags forgets what is older than a time it has noted.
  await writes.tags.prune();
});

const expected = {
  plans: 1,
  jobRuns: 1,
  abandoned: 0,
  closed: 1,
  states: 1,
  forecasts: 1,
  refreshes: 1,
  oldRefreshes: 1,
  deletedRows: 1,
  markers: 1,
};

test('what is past its time goes, and the result tells of each kind', async () => {
  expect(await prune.run({}, {}, rooms(), context)).toMatchObject({ kind: 'done', result: expected });
  expect(moves).toEqual(['plans', 'forecasts', 'buckets', 'due', 'dirty', 'tags']);
  for (const table of ['plan', 'forecast', 'refresh', 'key_state', 'job_run'])
    expect(await db.rows(`select from samovar.${table}`)).toEqual([]);
  expect(await prune.run({}, {}, rooms(), context)).toMatchObject({
    result: { plans: 0, jobRuns: 0, closed: 0, states: 0, forecasts: 0, markers: 0 },
  });
});

test.each(['plans', 'forecasts', 'buckets', 'due', 'dirty', 'tags'])(
  'a worker that dies before it prunes the %s leaves that to the next try',
  async (room) => {
    await expect(prune.run({}, {}, rooms(room), context)).rejects.toThrow(Killed);
    await prune.run({}, {}, rooms(), context);
    for (const table of ['plan', 'forecast', 'refresh', 'key_state', 'job_run'])
      expect(await db.rows(`select from samovar.${table}`)).toEqual([]);
    expect(await cache.client.hget(tagsKey('test'), 't:old')).toBeNull();
  },
);
