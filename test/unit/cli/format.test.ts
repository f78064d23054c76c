import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bytes,
  count,
  durationOption,
  instant,
  instantOption,
  listOption,
  percent,
  positiveCount,
  shortKey,
  since,
} from '../../../cli/format.ts';

const noon = Date.UTC(2026, 0, 5, 12);

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_900, '1.9 kB'],
  [3_600_000, '3.6 MB'],
  [64_000_000, '64 MB'],
  [2_000_000_000, '2.0 GB'],
])('%d bytes', (value, text) => expect(bytes(value)).toBe(text));

test('counts, shares and instants', () => {
  expect(count(12_345.4)).toBe('12,345');
  expect([percent(0.9684), percent(undefined)]).toEqual(['96.8 %', '—']);
  expect([instant(noon), instant(undefined)]).toEqual(['2026-01-05 12:00 UTC', '—']);
  expect([since(noon - 5_000, noon), since(noon + 90_000, noon)]).toEqual(['5.0 s ago', 'in 1 m 30 s']);
});

test('a key never breaks a table: one line, no control character, short enough', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (key) => {
      const shown = shortKey(key, 48);
      expect(shown.length).toBeLessThanOrEqual(48);
      expect(shown).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }),
  );
  expect(shortKey('product:42')).toBe('product:42');
});

test.each([
  ['20:00', Date.UTC(2026, 0, 5, 20)],
  ['8:30', Date.UTC(2026, 0, 6, 8, 30)],
  ['+2h', noon + 7_200_000],
  ['2026-01-07', Date.UTC(2026, 0, 7)],
  ['2026-01-07 08:00', Date.UTC(2026, 0, 7, 8)],
  ['2026-01-07T08:00Z', Date.UTC(2026, 0, 7, 8)],
  ['2026-01-07T08:00:00+01:00', Date.UTC(2026, 0, 7, 7)],
])('the instant %s', (text, at) => expect(instantOption(text, noon)).toBe(at));

test.each(['soon', '25:00', '+soon', '', '12'])('no instant: %s', (text) => {
  expect(() => instantOption(text, noon)).toThrow('Expected an instant');
});

test('numbers, durations and lists of options', () => {
  expect([positiveCount('5'), durationOption('60s')]).toEqual([5, 60_000]);
  for (const text of ['0', '-1', '1.5', 'many', ''])
    expect(() => positiveCount(text)).toThrow('whole number');
  for (const text of ['0s', '60', 'soon', '1 h']) expect(() => durationOption(text)).toThrow("such as '60s'");
  expect(listOption(' a, b ,,c')).toEqual(['a', 'b', 'c']);
});
