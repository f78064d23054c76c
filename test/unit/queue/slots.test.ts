import { assert, integer, property, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timingOf } from '../../../src/queue/cron.ts';
import { slotsBetween, type Timing } from '../../../src/queue/slots.ts';

const at = (text: string) => Date.parse(`2026-03-02T${text}Z`);
const slots = (expression: string, after: string, upto: string, most = 1_000) =>
  slotsBetween(timingOf({ expression }), at(after), at(upto), most).map((slot) =>
    new Date(slot).toISOString().slice(11, 19),
  );

describe('the slots between two instants', () => {
  test('are those after the first, up to and with the second', () => {
    expect(slots('*/15 * * * *', '10:15:00', '11:00:00')).toEqual(['10:30:00', '10:45:00', '11:00:00']);
    expect(slots('*/15 * * * *', '10:14:59.999', '10:15:00')).toEqual(['10:15:00']);
    expect(slots('*/15 * * * *', '10:15:00', '10:29:59')).toEqual([]);
    expect(slots('*/20 * * * * *', '10:00:20', '10:01:10')).toEqual(['10:00:40', '10:01:00']);
    expect(slots('@hourly', '00:30:00', '02:00:00')).toEqual(['01:00:00', '02:00:00']);
    expect(slots('5 0 3 * * *', '00:00:00', '10:00:00')).toEqual(['03:00:05']);
  });

  test('are the newest when not all are wanted', () => {
    expect(slots('* * * * *', '08:00:00', '10:00:00', 2)).toEqual(['09:59:00', '10:00:00']);
  });

  test('are none when the second is not after the first', () => {
    expect(slots('* * * * * *', '10:00:00', '10:00:00')).toEqual([]);
    expect(slots('* * * * * *', '10:00:00', '09:00:00')).toEqual([]);
  });

  test('are what asking every second would find', async () => {
    const minute = integer({ min: 0, max: 59 });
    await assert(
      property(
        uniqueArray(minute, { minLength: 1, maxLength: 5 }),
        uniqueArray(minute, { minLength: 1, maxLength: 5 }),
        integer({ min: 0, max: 7_200_000 }),
        integer({ min: 0, max: 7_200_000 }),
        (seconds, minutes, after, length) => {
          const timing: Timing = {
            seconds,
            fires: (t) => seconds.includes((t / 1_000) % 60) && minutes.includes(Math.floor(t / 60_000) % 60),
          };
          const expected: number[] = [];
          for (let t = Math.ceil(after / 1_000) * 1_000; t <= after + length; t += 1_000)
            if (t > after && timing.fires(t)) expected.push(t);
          expect(slotsBetween(timing, after, after + length, 10_000)).toEqual(expected);
        },
      ),
      { numRuns: 60, seed: 11 },
    );
  });
});
