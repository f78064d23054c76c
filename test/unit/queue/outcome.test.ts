import { describe, expect, test } from 'vitest';
import { SamovarError } from '../../../src/errors.ts';
import { cancel, done, type Outcome, snooze } from '../../../src/job.ts';
import { backoffMs, verdictOf, verdictOfError } from '../../../src/queue/outcome.ts';

describe('what a job returns', () => {
  test('becomes what the queue does', () => {
    expect(verdictOf('j', done({ keys: 3 }))).toEqual({
      kind: 'complete',
      outcome: 'done',
      value: { keys: 3 },
    });
    expect(verdictOf('j', cancel('off'))).toEqual({
      kind: 'complete',
      outcome: 'cancel',
      value: { cancelled: 'off' },
    });
    expect(verdictOf('j', snooze('2s', 'busy'))).toEqual({ kind: 'later', delayMs: 2_000, why: 'busy' });
  });

  test.each([undefined, null, 42, 'done', { kind: 'finished' }])(
    '%j is no outcome and fails for good',
    (value) => {
      const verdict = verdictOf('j', value as unknown as Outcome);
      expect(verdict).toMatchObject({
        kind: 'fail',
        error: { message: expect.stringMatching(/^E_CONFIG job j returned/) },
      });
    },
  );
});

describe('what a job throws', () => {
  const tries = { attempt: 1, attempts: 3, stopped: undefined };

  test('is tried again while tries are left', () => {
    expect(verdictOfError(new Error('x'), tries).kind).toBe('retry');
    expect(verdictOfError(new Error('x'), { ...tries, attempt: 2 }).kind).toBe('retry');
    expect(verdictOfError(new Error('x'), { ...tries, attempt: 3 }).kind).toBe('fail');
    expect(verdictOfError(new SamovarError('E_LOAD_FAILED', 'x'), tries).kind).toBe('retry');
  });

  test('is not tried again when another try would say the same', () => {
    for (const code of ['E_PAYLOAD', 'E_CONFIG', 'E_LOAD_SHAPE', 'E_UNKNOWN_CACHE'] as const)
      expect(verdictOfError(new SamovarError(code, 'x'), tries).kind).toBe('fail');
  });

  test('spends no try when the worker stops or has lost the job', () => {
    expect(verdictOfError(new Error('x'), { ...tries, attempt: 3, stopped: 'shutdown' })).toEqual({
      kind: 'hand-back',
    });
    expect(verdictOfError(new Error('x'), { ...tries, attempt: 3, stopped: 'lock' })).toEqual({
      kind: 'drop',
    });
    expect(verdictOfError(new Error('x'), { ...tries, stopped: 'timeout' }).kind).toBe('retry');
  });

  test('is kept with its code and without passwords, stack included', () => {
    const verdict = verdictOfError(new SamovarError('E_LOAD_FAILED', 'postgres://a:hush@db is away'), tries);
    const { error } = verdict as { error: Error };
    expect(error.message).toBe('E_LOAD_FAILED postgres://a:***@db is away');
    expect(error.stack).toContain('outcome.test.ts');
    expect(error.stack).not.toContain('hush');
    expect(verdictOfError('just text', tries)).toMatchObject({ error: { message: 'just text' } });
  });
});

test('pauses between tries double up to five minutes, and half of each is chance', () => {
  const least = [1, 2, 3, 4, 20].map((attempt) => backoffMs(attempt, () => 0));
  const most = [1, 2, 3, 4, 20].map((attempt) => backoffMs(attempt, () => 1));
  expect(least).toEqual([500, 1_000, 2_000, 4_000, 150_000]);
  expect(most).toEqual([1_000, 2_000, 4_000, 8_000, 300_000]);
});
