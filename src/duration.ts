import { SamovarError } from './errors.ts';

/** Milliseconds, or a number with a unit: `'250ms'`, `'30s'`, `'10m'`, `'1.5h'`, `'7d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const secondMs = unitMs.s;
export const minuteMs = unitMs.m;
export const hourMs = unitMs.h;
export const dayMs = unitMs.d;

/** Milliseconds of a duration, or undefined when the text is not one. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value);
  return match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : undefined;
}

/** Milliseconds of a duration; throws E_CONFIG naming `path` when it is not one. */
export function durationMs(value: Duration, path: string): number {
  const ms = parseDuration(value);
  if (ms === undefined) {
    throw new SamovarError(
      'E_CONFIG',
      `expected \`${path}\` to be a duration such as '10m', got '${String(value)}'`,
    );
  }
  return ms;
}

/** A length of time for people: `850 ms`, `12.3 s`, `4 m 10 s`, `2 h 5 m`. */
export function humanDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < minuteMs) return `${(ms / secondMs).toFixed(1)} s`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} m ${Math.round((ms % minuteMs) / secondMs)} s`;
  if (ms < dayMs) return `${Math.floor(ms / hourMs)} h ${Math.round((ms % hourMs) / minuteMs)} m`;
  return `${(ms / dayMs).toFixed(1)} d`;
}
