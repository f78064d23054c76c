import { expect, test } from 'vitest';
import { createMoments } from '../../../src/origin/moment.ts';
import { fakeClock } from '../../../src/testing/clock.ts';

const { signal } = new AbortController();
const setup = () => {
  const clock = fakeClock();
  const moments = createMoments(clock);
  /** The limiter's clock runs 5,000,000 ms ahead of our elapsed time. */
  const reply = (waitMs: number, delayMs = 0) =>
    moments.of({ at: 5_000_000 + clock.elapsed() - delayMs, waitMs });
  return { clock, moments, reply };
};

test("a moment is the limiter's, whatever its clock says", async () => {
  const { clock, moments, reply } = setup();
  await clock.advance(100);
  expect(reply(12)).toBe(112);
  const kept = moments.keep(112, signal);
  await clock.advance(11);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  expect(await kept).toBe(true);
});

test('a reply that took long does not move the moment', async () => {
  const { clock, reply } = setup();
  reply(0);
  await clock.advance(100);
  expect(reply(12, 40)).toBeCloseTo(72, 0);
});

test('clocks that go apart slowly are followed, one that jumped at once', async () => {
  const { clock, moments } = setup();
  moments.of({ at: 5_000_000, waitMs: 0 });
  let momentAt = 0;
  for (let i = 1; i <= 1_000; i++) {
    await clock.advance(10);
    momentAt = moments.of({ at: 5_000_000 + clock.elapsed() * 0.999, waitMs: 0 });
  }
  expect(momentAt).toBeCloseTo(clock.elapsed(), 0);
  expect(moments.of({ at: 9_000_000, waitMs: 5 })).toBe(clock.elapsed() + 5);
  expect(moments.of({ at: 2_000_000, waitMs: 5 })).toBe(clock.elapsed() + 5);
});

test('what comes late has lost its moment, unless it always comes that late', async () => {
  const { clock, moments, reply } = setup();
  const late = async (ms: number) => {
    const momentAt = reply(0);
    await clock.advance(ms);
    return moments.keep(momentAt, signal);
  };
  expect(await late(14)).toBe(true);
  expect(await late(40)).toBe(false);
  for (let i = 0; i < 40; i++) await late(30);
  expect(await late(30)).toBe(true);
  expect(await late(100)).toBe(false);
});

test('waiting ends with the signal', async () => {
  const { moments, reply } = setup();
  expect(await moments.keep(reply(1_000), AbortSignal.abort())).toBe(true);
});
