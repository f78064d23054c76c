import { expect, test } from 'vitest';
import type { Request } from '../../../src/demo/measure.ts';
import { replay } from '../../../src/demo/replay.ts';
import { fakeClock } from '../../../src/testing/clock.ts';

const hourMs = 3_600_000;
const requests: Request[] = Array.from({ length: 361 }, (_, i) => ({
  at: Math.min(i * 10_000, hourMs - 1),
  key: `p${i % 5}`,
  caller: 'user',
}));

test('an hour passes in the asked time, each request when it is due', async () => {
  const clock = fakeClock();
  const from = clock.elapsed();
  const sent: number[] = [];
  const running = replay({
    requests,
    seconds: 36,
    clock,
    signal: new AbortController().signal,
    read: async () => sent.push(clock.elapsed() - from),
    takeLoads: () => 0,
  });
  await clock.advance(17_950);
  expect(sent.length).toBe(180);
  await clock.advance(19_000);
  expect((await running).reads.length).toBe(requests.length);
  // 100 times faster, and a timer's tick late at most.
  expect(sent.every((at, i) => at >= requests[i]!.at / 100 && at <= requests[i]!.at / 100 + 2)).toBe(true);
});

test('readers do not wait for each other', async () => {
  const clock = fakeClock();
  let sent = 0;
  const running = replay({
    requests,
    seconds: 3.6,
    clock,
    signal: new AbortController().signal,
    read: async () => {
      sent += 1;
      await clock.sleep(60_000);
    },
    takeLoads: () => 0,
  });
  await clock.advance(5_000);
  expect(sent).toBe(requests.length);
  await clock.advance(60_000);
  expect((await running).reads[0]!.ms).toBeGreaterThanOrEqual(60_000);
});

test('a load counts for one reader, however many wait for it', async () => {
  const clock = fakeClock();
  const loads = new Map<string, number>();
  const seen = new Set<string>();
  const running = replay({
    requests,
    seconds: 1,
    clock,
    signal: new AbortController().signal,
    async read({ key }) {
      const isFirst = !seen.has(key);
      seen.add(key);
      await clock.sleep(200);
      if (isFirst) loads.set(key, 1);
    },
    takeLoads(key) {
      const count = loads.get(key) ?? 0;
      loads.delete(key);
      return count;
    },
  });
  await clock.advance(2_000);
  expect((await running).reads.filter(({ isMiss }) => isMiss).length).toBe(5);
});

test('failed reads are misses, and the first failure is kept', async () => {
  const clock = fakeClock();
  const running = replay({
    requests: requests.slice(0, 10),
    seconds: 1,
    clock,
    signal: new AbortController().signal,
    read: async ({ at }) => {
      if (at >= 50_000) throw new Error(`at ${at}`);
    },
    takeLoads: () => 0,
  });
  await clock.advance(1_000);
  const { failed, failure, reads } = await running;
  expect([failed, (failure as Error).message, reads.length]).toEqual([5, 'at 50000', 10]);
  expect(reads.filter(({ isMiss }) => isMiss).length).toBe(5);
});

test('an abort ends it', async () => {
  const clock = fakeClock();
  const abort = new AbortController();
  const running = replay({
    requests,
    seconds: 60,
    clock,
    signal: abort.signal,
    read: async () => {},
    takeLoads: () => 0,
  });
  const ended = expect(running).rejects.toThrow('enough');
  await clock.advance(1_000);
  abort.abort(new Error('enough'));
  await clock.advance(10);
  await ended;
});
