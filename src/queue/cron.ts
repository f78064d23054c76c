import cron, { type ScheduledTask } from 'node-cron';
import { nearest, SamovarError } from '../errors.ts';
import type { Timing } from './slots.ts';

/** When something runs: five fields, or six with seconds first, read in a zone. */
export interface CronTiming {
  readonly expression: string;
  /** @default 'UTC' */
  readonly timezone?: string | undefined;
}

/** Calls back at every slot until stopped. */
export interface Ticker {
  stop(): void;
}

export interface TickerCalls {
  /** On time, within a second. */
  onSlot(slot: number): void;
  /** The event loop was blocked over it. */
  onMissed(slot: number): void;
  onError(error: unknown): void;
}

export type StartTicker = (timing: CronTiming, calls: TickerCalls) => Ticker;

/** Checks an expression and its zone. Throws E_CRON naming `path`, the field, its value and what would do. */
export function checkExpression(expression: string, timezone = 'UTC', path = 'schedule'): void {
  checkZone(timezone, path);
  const refuse = (why: string) =>
    new SamovarError('E_CRON', `${path}: '${expression}': ${why}`, {
      hints: [
        '[second] minute hour day-of-month month day-of-week, for example */15 * * * * (every 15 minutes)',
      ],
    });
  if (typeof expression !== 'string' || expression.trim() === '') throw refuse('is empty');
  const fields = expression.trim().split(/\s+/);
  if (!expression.trim().startsWith('@') && fields.length !== 5 && fields.length !== 6)
    throw refuse(`has ${fields.length} field${fields.length === 1 ? '' : 's'}, a cron expression has 5 or 6`);
  const error = cron.validateDetailed(expression).errors[0];
  if (error) {
    if (/impossible day/.test(error.message))
      throw refuse(`day ${fields.at(-3)} of month ${fields.at(-2)} never comes`);
    throw refuse(problemOf(error.field, error.value));
  }
  for (const [i, field] of fields.toReversed().entries()) {
    const [name, range, most] = stepped[i]!;
    const step = /\/(\d+)/.exec(field)?.[1];
    if (step !== undefined && Number(step) > most)
      throw refuse(`${name} ${field} steps over all of ${range}: it would fire once, not every ${step}`);
  }
  const [dayOfMonth, , dayOfWeek] = fields.slice(-3);
  if (isSet(dayOfMonth) && isSet(dayOfWeek))
    throw refuse(
      `names a day of the month (${dayOfMonth}) and a day of the week (${dayOfWeek}); cron programs differ in whether both or either must hold, so write two schedules`,
    );
  try {
    firstRun({ expression, timezone });
  } catch {
    throw refuse('no such date ever comes');
  }
}

/** The next instants at which it fires, epoch ms, counted from now. */
export function nextRuns(timing: CronTiming, n: number): number[] {
  return withTask(timing, (task) => task.getNextRuns(n).map((date) => date.getTime()));
}

/** The engine's own view of an expression, for telling which slots have passed. */
export function timingOf(timing: CronTiming): Timing {
  const timezone = timing.timezone ?? 'UTC';
  const matcher = makeTask(timing);
  const wall = wallClock(timezone);
  return {
    seconds: cron.parse(timing.expression).second,
    fires: (at) => matcher.match(new Date(at)) && !isOtherOfTwo(at, wall),
  };
}

/** Fires with node-cron, which re-arms at absolute instants and tells what a blocked process missed. */
export const startTicker: StartTicker = (timing, calls) => {
  const task = makeTask(timing, (slot) => calls.onSlot(slot));
  task.on('execution:missed', (context) => calls.onMissed(context.date.getTime()));
  task.on('execution:failed', (context) => calls.onError(context.execution?.error));
  void task.start();
  return { stop: () => void task.destroy() };
};

const quiet = { info() {}, warn() {}, error() {}, debug() {} };

const makeTask = ({ expression, timezone }: CronTiming, onSlot: (slot: number) => void = () => {}) =>
  cron.createTask(expression, (context) => onSlot(context.date.getTime()), {
    timezone: timezone ?? 'UTC',
    suppressMissedWarning: true,
    logger: quiet,
  });

function withTask<T>(timing: CronTiming, use: (task: ScheduledTask) => T): T {
  const task = makeTask(timing);
  try {
    return use(task);
  } finally {
    void task.destroy();
  }
}

const firstRun = (timing: CronTiming) => withTask(timing, (task) => task.getNextRuns(1));

const isSet = (field: string | undefined): boolean => field !== undefined && field !== '*' && field !== '?';

const ranges: Record<string, [name: string, range: string]> = {
  second: ['second', '0-59'],
  minute: ['minute', '0-59'],
  hour: ['hour', '0-23'],
  dayOfMonth: ['day of month', '1-31'],
  month: ['month', '1-12 or jan-dec'],
  dayOfWeek: ['day of week', '0-7 or sun-sat'],
};

/** Fields from the last one on, and the longest step that is one. */
const stepped = [
  ['day of week', '0-7', 6],
  ['month', '1-12', 11],
  ['day of month', '1-31', 30],
  ['hour', '0-23', 23],
  ['minute', '0-59', 59],
  ['second', '0-59', 59],
] as const;

function problemOf(field: string, value: string | undefined): string {
  const [name, range] = ranges[field] ?? [field, ''];
  if (range === '') return `cannot be read (${value ?? field})`;
  const outside = /^-?\d+$/.test(value ?? '') ? 'is outside' : 'is not one or more of';
  return `${name} ${value} ${outside} ${range}`;
}

function checkZone(timezone: string, path: string): void {
  const zones = () => ['UTC', ...Intl.supportedValuesOf('timeZone')];
  try {
    if (!/^[A-Z]/i.test(timezone)) throw new RangeError('an offset');
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    const wanted = String(timezone).toLowerCase();
    const known = zones();
    const meant =
      known.find((zone) => zone.toLowerCase().split('/').at(-1) === wanted.replaceAll(' ', '_')) ??
      nearest(String(timezone), known);
    throw new SamovarError(
      'E_CRON',
      `${path}: timezone '${timezone}' is not an IANA name${meant === undefined ? '' : `, did you mean '${meant}'?`}`,
      { hints: ["for example 'UTC', 'Europe/Berlin', 'America/New_York'"] },
    );
  }
}

/** The time on the wall of a zone, as if that were UTC; undefined where clocks never change. */
function wallClock(timezone: string): ((at: number) => number) | undefined {
  if (/^(Etc\/)?(UTC|GMT|UCT|Zulu)$/i.test(timezone)) return undefined;
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  return (at) => Date.parse(`${format.format(at).replace(' ', 'T')}Z`);
}

/**
 * When clocks go back, an hour comes twice, and the engine fires in one of the two: it reads the wall time as UTC and
 * takes the offset of that instant. The other one matches the expression too, but is no slot.
 */
function isOtherOfTwo(at: number, wall: ((at: number) => number) | undefined): boolean {
  if (!wall) return false;
  const time = wall(at);
  const chosen = 2 * time - wall(time);
  return chosen !== at && wall(chosen) === time;
}
