import { describe, expect, test } from 'vitest';
import { createLog } from '../../../src/log.ts';
import { queueAway, within } from '../../../src/queue/away.ts';
import { foldedErrors } from '../../../src/queue/fold.ts';
import { freshJobId, onceKey } from '../../../src/queue/names.ts';
import { fakeClock } from '../../../src/testing/clock.ts';

describe('trouble', () => {
  test('is logged once a minute with its count', async () => {
    const clock = fakeClock();
    const lines: { reason: string; times?: number }[] = [];
    const log = createLog({
      level: 'warn',
      to: { write: (line: string) => void lines.push(JSON.parse(line)) },
    });
    const tell = foldedErrors(clock, log, 'queue trouble');
    for (let i = 0; i < 50; i++) tell(new Error('connect ECONNREFUSED redis://:pw@h'));
    tell(new Error('another'));
    await clock.advance(60_000);
    tell(new Error('connect ECONNREFUSED redis://:pw@h'));
    expect(lines.map(({ reason, times }) => [reason, times])).toEqual([
      ['connect ECONNREFUSED redis://:***@h', undefined],
      ['another', undefined],
      ['connect ECONNREFUSED redis://:***@h', 50],
    ]);
  });

  test.each([
    ['connect ECONNREFUSED 127.0.0.1:6379', /start it/],
    ['Command timed out', /once/],
    ['OOM command not allowed', /maxmemory/],
    ['WRONGPASS invalid', /QUEUE_REDIS_URL/],
  ])('%s tells what would mend it', (reason, hint) => {
    const error = queueAway({ url: 'redis://:pw@h:1', from: 'QUEUE_REDIS_URL' }, new Error(reason));
    expect(error.code).toBe('E_QUEUE_UNAVAILABLE');
    expect(error.message).toBe(
      `cannot reach the queue Redis at redis://:***@h:1 (QUEUE_REDIS_URL): ${reason}`,
    );
    expect(error.hints.join()).toMatch(hint);
  });

  test('what takes too long is given up, and leaves no timer behind', async () => {
    const clock = fakeClock();
    const never = within(clock, 1_000, new Promise(() => {}), () => new Error('late'));
    const failed = expect(never).rejects.toThrow('late');
    await clock.advance(1_000);
    await failed;
    expect(await within(clock, 1_000, Promise.resolve(7), () => new Error('late'))).toBe(7);
    expect(clock.pending).toBe(0);
  });
});

describe('ids', () => {
  test('hold nothing that the queue reads as its own', () => {
    for (const name of ['a:b:c', '0:x', '12', 'ж\n{}', 'x'.repeat(500)]) {
      const id = freshJobId(name);
      expect(id).toMatch(/^[\w.@|-]*~[0-9a-f]{10}$/);
      expect(id.length).toBeLessThan(100);
      expect(freshJobId(name)).not.toBe(id);
    }
  });

  test('of long names of work are short, and differ where the names do', () => {
    expect(onceKey('release: 42')).toBe('release: 42');
    expect(onceKey('x'.repeat(5_000))).toHaveLength(64);
    expect(onceKey(`${'x'.repeat(5_000)}a`)).not.toBe(onceKey(`${'x'.repeat(5_000)}b`));
  });
});
