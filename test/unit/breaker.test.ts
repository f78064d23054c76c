import { describe, expect, test } from 'vitest';
import { createBreaker } from '../../src/breaker.ts';
import { fakeClock } from '../support/index.ts';

const made = () => {
  const clock = fakeClock();
  const told: boolean[] = [];
  return { clock, told, breaker: createBreaker(clock, (isOpen) => told.push(isOpen)) };
};
const times = (count: number, task: () => void) => Array.from({ length: count }, task);

describe('a breaker', () => {
  test('opens after three failures in a row, tells it once, and closes when told to', () => {
    const { breaker, told } = made();
    times(2, () => breaker.failed(false));
    expect(breaker.isOpen).toBe(false);
    times(3, () => breaker.failed(false));
    expect([breaker.isOpen, told]).toEqual([true, [true]]);
    breaker.close();
    expect([breaker.isOpen, told]).toEqual([false, [true, false]]);
    times(2, () => breaker.failed(false));
    expect(breaker.isOpen).toBe(false);
  });

  test('stays closed when few of many fail', () => {
    const { breaker } = made();
    times(50, () => {
      breaker.failed(false);
      times(3, () => breaker.ok());
    });
    expect(breaker.isOpen).toBe(false);
  });

  test('opens when half of many fail, never three in a row', () => {
    const { breaker } = made();
    times(10, () => {
      breaker.failed(false);
      breaker.ok();
    });
    expect(breaker.isOpen).toBe(true);
  });

  test('takes answers that are late together for one failure', async () => {
    const { breaker, clock } = made();
    times(100, () => breaker.failed(true));
    breaker.ok();
    times(100, () => breaker.failed(true));
    expect(breaker.isOpen).toBe(false);
    for (let i = 0; i < 3; i++) {
      await clock.advance(20);
      breaker.failed(true);
    }
    expect(breaker.isOpen).toBe(true);
  });

  test('forgets what is long past', async () => {
    const { breaker, clock } = made();
    for (let i = 0; i < 20; i++) {
      breaker.failed(false);
      breaker.ok();
      await clock.advance(3_000);
    }
    expect(breaker.isOpen).toBe(false);
  });
});
