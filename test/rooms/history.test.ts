import { beforeEach, expect, test } from 'vitest';
import { minuteMs } from '../../src/duration.ts';
import { createHistory } from '../../src/history/postgres.ts';
import { database } from '../support/index.ts';

const db = await database();
const history = createHistory(db.pool);
const now = Date.UTC(2026, 0, 5, 9, 0, 0, 123);
const attempt = { job: 'warm', jobId: '7', worker: 'w1', attempt: 1, startedAt: now };

beforeEach(() => db.rows('truncate samovar.job_run'));

test('a try is written down when it begins, and how it ended when it has', async () => {
  const id = await history.begin({ ...attempt, schedule: 'warm-products', slot: now - minuteMs });
  const begun = { ...attempt, schedule: 'warm-products', slot: now - minuteMs };
  expect(await history.list()).toEqual([begun]);
  const ended = { endedAt: now + 250, outcome: 'done', result: { warm: 3, text: 'ä "q"' } };
  await history.end(id, ended);
  expect(await history.list()).toEqual([{ ...begun, ...ended }]);
});

test('tries of one job are told apart, and keep their own ends', async () => {
  const first = await history.begin(attempt);
  const second = await history.begin({ ...attempt, attempt: 2, startedAt: now + 1 });
  await history.end(first, { endedAt: now + 1, outcome: 'retry', error: 'ECONNREFUSED' });
  await history.end(second, { endedAt: now + 2, outcome: 'done' });
  expect(await history.list()).toEqual([
    { ...attempt, attempt: 2, startedAt: now + 1, endedAt: now + 2, outcome: 'done' },
    { ...attempt, endedAt: now + 1, outcome: 'retry', error: 'ECONNREFUSED' },
  ]);
});

test('what went wrong is kept without passwords', async () => {
  const id = await history.begin(attempt);
  await history.end(id, {
    endedAt: now,
    outcome: 'failed',
    error: 'cannot reach postgres://me:secret@host/db',
  });
  expect((await history.list())[0]!.error).toBe('cannot reach postgres://me:***@host/db');
});

test('the newest come first, of one job if asked, and no more than asked', async () => {
  for (let i = 0; i < 60; i++)
    await history.begin({
      ...attempt,
      job: i % 2 ? 'warm' : 'plan',
      jobId: String(i),
      startedAt: now + (i >> 2),
    });
  expect((await history.list()).map(({ jobId }) => Number(jobId))).toEqual(
    Array.from({ length: 50 }, (_, i) => 59 - i),
  );
  expect((await history.list({ job: 'plan', limit: 2 })).map(({ jobId }) => jobId)).toEqual(['58', '56']);
  expect(await history.list({ job: 'unheard-of' })).toEqual([]);
});
