import { hourMs, humanDuration, secondMs } from '../duration.ts';
import type { PlanInput } from '../rooms.ts';
import type { Weighed } from './weigh.ts';

const asked = {
  list: 'on the list',
  sql: 'named by SQL',
  function: 'named by a function',
  tag: 'carries a tag',
} as const;

/** Why a key is to be warmed: who asked for it, how often it will be read, what is there, what that saves. */
export function reasonToWarm(
  { source, heat, look, savingMs }: Weighed,
  { at, horizonMs }: PlanInput,
): string {
  const parts: string[] = [];
  if (source !== 'forecast') parts.push(asked[source]);
  if (heat > 0) parts.push(`expected ${perHour(heat)}/h`);
  parts.push(
    look.state === 'missing' ? 'missing' : `expires in ${humanDuration(Math.max(0, look.freshUntil - at))}`,
  );
  if (savingMs > 0) parts.push(`saves ${waiting(savingMs)} in ${humanDuration(horizonMs)}`);
  return parts.join(', ');
}

/** Why there is nothing to warm: what the store has. */
export const reasonIdle = ({ look }: Weighed, { at }: PlanInput): string =>
  look.state === 'fresh'
    ? `fresh for another ${humanDuration(look.freshUntil - at)}`
    : 'the origin has no such id';

export const reasonCautious = (confidence: number): string =>
  `the reads of this cache cannot be forecast (${(confidence * 100).toFixed(0)} % of what perfect foresight spares): a tenth of the budget is spent on it`;
export const reasonUnread = 'nobody is expected to read it';
export const reasonUnkept = 'a key with a NUL character cannot be kept in Postgres';

/** Why a key was cut although warming it would help. */
export function reasonCut({ bytes }: Weighed, isFull: boolean, { budget }: PlanInput): string {
  if (!isFull) return `does not fit: ${count(bytes)} of at most ${count(budget.bytes!)} bytes`;
  if (budget.perSecond === 0) return 'the budget of its origin is stopped: 0 loads per second';
  if (budget.keys <= mostInTime(budget)) return `below the cut of ${count(budget.keys)} keys`;
  return `no time left: ${count(budget.perSecond!)} loads per second for ${humanDuration(budget.timeMs!)}`;
}

/** How many loads the budget's rate allows within its time. */
export function mostInTime({ perSecond, timeMs }: PlanInput['budget']): number {
  if (perSecond === 0) return 0;
  if (perSecond === undefined || timeMs === undefined) return Number.POSITIVE_INFINITY;
  return Math.floor((perSecond * timeMs) / secondMs);
}

function perHour(heat: number): string {
  const hourly = (heat * hourMs) / secondMs;
  return hourly >= 10 ? count(hourly) : hourly.toFixed(hourly >= 1 ? 1 : 2);
}

const waiting = (ms: number): string => (ms < 10 ? `${ms.toPrecision(2)} ms` : humanDuration(ms));
const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const count = (value: number): string => grouped.format(value);
