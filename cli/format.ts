import { InvalidArgumentError } from 'commander';
import { humanDuration, minuteMs, parseDuration } from '../src/duration.ts';

/** `12,345`. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** `1.9 kB`, `3.6 MB`. */
export function bytes(value: number): string {
  if (value < 1_000) return `${Math.round(value)} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1_000 ** power;
  return `${scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${units[power - 1]}`;
}

export const percent = (share: number | undefined): string =>
  share === undefined ? '—' : `${(share * 100).toFixed(1)} %`;

/** `10 m`, `6 h`, `1 d`: a length in its largest whole unit. */
export function span(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const;
  const [name, size] = units.find(([, each]) => seconds % each === 0) ?? ['s', 1];
  return `${count(seconds / size)} ${name}`;
}

/** `2026-01-05 08:45 UTC`. */
export const instant = (at: number | undefined): string =>
  at === undefined ? '—' : `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** `3 m 20 s ago`, `in 12.0 s`. */
export function since(at: number | undefined, now: number): string {
  if (at === undefined) return '—';
  return at <= now ? `${humanDuration(now - at)} ago` : `in ${humanDuration(at - now)}`;
}

/** A key for a table: on one line, short enough, its unprintable characters shown. */
export function shortKey(key: string, longest = 48): string {
  const shown = [...key].map((letter) => (/[\p{C}\u2028\u2029]/u.test(letter) ? '·' : letter)).join('');
  return shown.length > longest ? `${shown.slice(0, longest - 1)}…` : shown;
}

// ---- texts of options to values; each throws what commander turns into a usage error ----

export function positiveCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('Expected a whole number, 0 or more.');
  return value;
}

export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError("Expected a duration such as '60s'.");
  return ms;
}

export function listOption(text: string): string[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) throw new InvalidArgumentError('Expected one or more, with commas between.');
  return parts;
}

/** An ISO instant, `+2h`, or `20:00` (UTC): the next time the clock shows it. */
export function instantOption(text: string, now: number): number {
  const ahead = text.startsWith('+') ? parseDuration(text.slice(1)) : undefined;
  if (ahead !== undefined) return now + ahead;
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text);
  if (clock) {
    const today = new Date(now).setUTCHours(Number(clock[1]), Number(clock[2]), 0, 0);
    return today < now ? today + 24 * 60 * minuteMs : today;
  }
  const day = /^\d{4}-\d\d-\d\d(?:[T ](.+))?$/.exec(text);
  const isPlain = day?.[1] !== undefined && /^\d\d:\d\d(:\d\d)?$/.test(day[1]);
  const at = day ? Date.parse(`${text.replace(' ', 'T')}${isPlain ? 'Z' : ''}`) : Number.NaN;
  if (Number.isNaN(at)) {
    throw new InvalidArgumentError(
      "Expected an instant such as '2026-01-05T20:00Z', '20:00' (UTC) or '+2h'.",
    );
  }
  return at;
}
