import { afterEach, describe, expect, test, vi } from 'vitest';
import { isSamovarError } from '../../../src/errors.ts';
import { checkExpression, nextRuns, timingOf } from '../../../src/queue/cron.ts';
import { slotsBetween } from '../../../src/queue/slots.ts';

afterEach(() => {
  vi.useRealTimers();
});

const refusal = (expression: string, timezone?: string) => {
  try {
    checkExpression(expression, timezone, 'schedules[0] (nightly)');
  } catch (error) {
    if (isSamovarError(error)) return error;
  }
  throw new Error(`'${expression}' was accepted`);
};

describe('expressions', () => {
  test.each([
    ['* * * *', 'has 4 fields, a cron expression has 5 or 6'],
    ['* * * * * * *', 'has 7 fields, a cron expression has 5 or 6'],
    ['*', 'has 1 field, a cron expression has 5 or 6'],
    ['', 'is empty'],
    ['   ', 'is empty'],
    ['61 * * * *', 'minute 61 is outside 0-59'],
    ['-1 * * * *', 'minute -1 is outside 0-59'],
    ['60 * * * * *', 'second 60 is outside 0-59'],
    ['0 24 * * *', 'hour 24 is outside 0-23'],
    ['0 0 0 * *', 'day of month 0 is outside 1-31'],
    ['0 0 1 13 *', 'month 13 is outside 1-12 or jan-dec'],
    ['0 0 * * 8', 'day of week 8 is outside 0-7 or sun-sat'],
    ['5-70 * * * *', 'minute 5-70 is not one or more of 0-59'],
    ['foo * * * *', 'minute foo is not one or more of 0-59'],
    ['*/0 * * * *', 'minute */0 is not one or more of 0-59'],
    ['0 0 * foo *', 'month foo is not one or more of 1-12 or jan-dec'],
    ['0 0 31 2 *', 'day 31 of month 2 never comes'],
    ['0 0 30 feb *', 'day 30 of month feb never comes'],
    ['0 0 13 * 5', 'names a day of the month (13) and a day of the week (5)'],
    ['@sometimes', 'cannot be read'],
    ['*/75 * * * *', 'minute */75 steps over all of 0-59: it would fire once, not every 75'],
    ['*/61 */2 * * * *', 'second */61 steps over all of 0-59'],
    ['0 */24 * * *', 'hour */24 steps over all of 0-23'],
  ])("'%s' is refused: %s", (expression, why) => {
    const error = refusal(expression);
    expect(error.code).toBe('E_CRON');
    expect(error.message).toContain(`schedules[0] (nightly): '${expression}': ${why}`);
    expect(error.hints.join()).toContain('*/15 * * * *');
  });

  test.each([
    '*/15 * * * *',
    '*/10 * * * * *',
    '45 8 * * 1-5',
    '0 0 29 2 *',
    '0 0 L * *',
    '0 0 ? * mon',
    '0 0 1 * ?',
    '@daily',
    '  0   3 * * *  ',
  ])("'%s' is accepted", (expression) => {
    expect(() => checkExpression(expression)).not.toThrow();
  });

  test.each([
    ['Berlin', "did you mean 'Europe/Berlin'?"],
    ['New York', "did you mean 'America/New_York'?"],
    ['Europe/Berln', "did you mean 'Europe/Berlin'?"],
    ['+02:00', 'is not an IANA name'],
    ['', 'is not an IANA name'],
  ])("zone '%s' is refused: %s", (timezone, why) => {
    const error = refusal('0 3 * * *', timezone);
    expect(error.code).toBe('E_CRON');
    expect(error.message).toContain(`schedules[0] (nightly): timezone '${timezone}'`);
    expect(error.message).toContain(why);
  });
});

const preview = (expression: string, timezone: string, from: string, n: number): string[] => {
  vi.useFakeTimers({ now: new Date(from), toFake: ['Date'] });
  return nextRuns({ expression, timezone }, n).map((at) => new Date(at).toISOString());
};

describe('the change of clocks', () => {
  test('a time that the spring night lacks is skipped that day', () => {
    expect(preview('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-30T00:30:00.000Z',
      '2026-03-31T00:30:00.000Z',
    ]);
  });

  test('a time that the autumn night has twice fires once, in Europe the second time', () => {
    expect(preview('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T01:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]);
  });

  test('in America it is the first time', () => {
    expect(preview('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 2)).toEqual([
      '2026-11-01T05:30:00.000Z',
      '2026-11-02T06:30:00.000Z',
    ]);
  });

  test('UTC knows neither', () => {
    expect(preview('30 2 * * *', 'UTC', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T02:30:00.000Z',
      '2026-10-26T02:30:00.000Z',
    ]);
  });

  test.each([
    ['Europe/Berlin', '2026-03-28T22:00:00Z'],
    ['Europe/Berlin', '2026-10-24T22:00:00Z'],
    ['America/New_York', '2026-03-08T03:00:00Z'],
    ['America/New_York', '2026-11-01T03:00:00Z'],
    ['America/St_Johns', '2026-11-01T01:00:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T12:00:00Z'],
    ['Antarctica/Troll', '2026-10-24T22:00:00Z'],
    ['UTC', '2026-10-24T22:00:00Z'],
  ])('what is caught up in %s is what would have fired', (timezone, from) => {
    for (const expression of [
      '30 2 * * *',
      '30 1 * * *',
      '*/15 * * * *',
      '0 * * * *',
      '15,45 0-3 * * *',
      '20 */30 * * * *',
    ]) {
      const start = Date.parse(from);
      const fired = preview(expression, timezone, from, 30).map((iso) => Date.parse(iso));
      vi.useRealTimers();
      const upto = Math.min(fired.at(-1)!, start + 12 * 3_600_000);
      const caught = slotsBetween(timingOf({ expression, timezone }), start, upto, 1_000);
      expect(caught, expression).toEqual(fired.filter((at) => at <= upto));
    }
  });
});
