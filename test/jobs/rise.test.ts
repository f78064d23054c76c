import { beforeEach, expect, test } from 'vitest';
import { rise } from '../../jobs/index.ts';
import { hourMs, minuteMs } from '../../src/duration.ts';
import type { JobContext } from '../../src/job.ts';
import { silentLog } from '../../src/log.ts';
import type { Reads, Writes } from '../../src/rooms.ts';
import { planRoom } from '../rooms/plan-parts.ts';

const { db, clock, plans, empty } = await planRoom();
const midnight = clock.now();
const eight = midnight + 8 * hourMs;

let now = midnight;
let caches = ['products'];
let looks = 0;
const asked: { payload: unknown; once: string | undefined }[] = [];
/** The queue takes a name once; the worker dies after so many moves. */
function rooms({ dies = Number.POSITIVE_INFINITY } = {}) {
  let moves = 0;
  const moved = () => {
    moves += 1;
    if (moves > dies) throw new Error('killed');
  };
  const from = {
    plans,
    caches: {
      names: () => caches,
      warmOptions: () => ({ origin: 'db', perSecond: 100, concurrency: 2, top: 1_000, ttlMs: 6 * hourMs }),
    },
    forecasts: {
      rises: async () => {
        looks += 1;
        return { knownHours: 99, rises: [{ hour: 8, keys: 600, readsPerHour: 900, costMs: 5 }] };
      },
    },
  } as unknown as Pick<Reads, 'caches' | 'forecasts' | 'plans'>;
  const to = {
    plans: {
      ...plans,
      begin: async (...args: Parameters<typeof plans.begin>) => {
        moved();
        await plans.begin(...args);
      },
    },
    queue: {
      enqueue: async (job: string, payload: unknown, options?: { once?: string }) => {
        moved();
        expect(job).toBe('plan');
        if (!asked.some(({ once }) => once === options?.once)) asked.push({ payload, once: options?.once });
        return '1';
      },
    },
  } as Pick<Writes, 'plans' | 'queue'>;
  return [from, to] as const;
}
const context: JobContext = {
  id: '1',
  attempt: 1,
  worker: 'w',
  at: midnight,
  now: () => now,
  signal: new AbortController().signal,
  log: silentLog,
  progress: async () => {},
};
const tick = (at: number, using = rooms()) => {
  now = at;
  return rise.run({}, ...using, context);
};
const before = (minutes: number) => eight - minutes * minuteMs;

beforeEach(async () => {
  await empty();
  await db.rows('truncate samovar.warm_proposal');
  await db.rows(`insert into samovar.cache (name) values ('products')`);
  asked.length = 0;
  looks = 0;
  caches = ['products'];
});

test('days are looked at once an hour, slots begun at their minute, each once', async () => {
  expect(await tick(midnight)).toEqual({ kind: 'done', result: { proposed: 3, begun: 0 } });
  expect(await tick(midnight + hourMs - 1)).toMatchObject({ result: { proposed: 0, begun: 0 } });
  expect(await tick(midnight + hourMs)).toMatchObject({ result: { proposed: 3 } });
  expect(looks).toBe(2);
  await tick(before(60));
  for (const minutes of [16, 15, 14, 10, 9, 5, 4, 1]) await tick(before(minutes));
  expect(asked).toEqual(
    [15, 10, 5].map((minutes) => ({
      payload: { cache: 'products', rise: eight, top: 200, trigger: 'cron' },
      once: `rise|products|${eight}|${before(minutes)}`,
    })),
  );
});

test.each([0, 1])(
  'a worker that dies after %i moves leaves nothing undone, and asks for nothing twice',
  async (dies) => {
    await tick(before(59));
    await expect(tick(before(15), rooms({ dies }))).rejects.toThrow('killed');
    await tick(before(14));
    await tick(before(13));
    expect(asked).toHaveLength(1);
  },
);

test('slots that passed while nobody was up are made up for in one, until the group has risen', async () => {
  await tick(before(59));
  await tick(before(7));
  expect(asked.map(({ payload }) => payload)).toEqual([expect.objectContaining({ top: 400 })]);
  await tick(eight);
  expect(asked).toHaveLength(1);
});

test('a cache that is no longer configured is left alone', async () => {
  await tick(before(59));
  caches = ['prices'];
  await tick(before(5));
  expect(asked).toEqual([]);
});
