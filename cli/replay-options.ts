import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration, secondMs } from '../src/duration.ts';
import { type ReplayOptions, usualTtls } from '../src/forecast/replay.ts';
import { listOption } from './format.ts';

/** What the traffic is played against. */
export interface Trial {
  readonly budget?: readonly number[];
  readonly ttl?: readonly number[];
  readonly capacity?: readonly number[];
  readonly window?: number;
}

export const withTrialOptions = (command: Command): Command =>
  command
    .option('--budget <shares>', 'plan sizes, of the keys of a window (10%,25%,50%,100%)', listOf(share))
    .option('--ttl <durations>', 'how long entries are fresh (1h,6h,1d)', listOf(ttl))
    .option('--capacity <shares>', 'entries that fit, of the keys of a window (all,50%)', listOf(capacity))
    .option('--window <duration>', 'how often the cache is warmed (1h)', windowOption);

/** A ttl that the configuration has is tried before what is tried anyway, unless the caller names some. */
export const toReplayOptions = (
  { budget, ttl: ttls, capacity: capacities, window }: Trial,
  configuredTtl?: number,
): ReplayOptions => ({
  budgets: budget,
  ttlsSeconds:
    ttls ?? (configuredTtl === undefined ? undefined : [...new Set([configuredTtl, ...usualTtls(window)])]),
  capacities,
  windowSeconds: window,
});

const most = 8;

function listOf(parse: (text: string) => number): (text: string) => number[] {
  return (text) => {
    const values = [...new Set(listOption(text).map(parse))];
    if (values.length === 0 || values.length > most)
      throw new InvalidArgumentError(`Expected one to ${most} values with commas between them.`);
    return values;
  };
}

function share(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 100))
    throw new InvalidArgumentError("Expected a share above 0 such as '25%' or 0.25.");
  return value;
}

const capacity = (text: string): number => (text === 'all' ? Number.POSITIVE_INFINITY : share(text));

function ttl(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < secondMs)
    throw new InvalidArgumentError("Expected a duration of at least a second such as '1h'.");
  return ms / secondMs;
}

const windows = ['10m', '15m', '20m', '30m', '1h', '2h', '3h', '4h', '6h', '8h', '12h', '1d'];

/** Windows begin with the hour or divide it, so that what is known by the hour fits. */
function windowOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || !windows.some((each) => parseDuration(each) === ms))
    throw new InvalidArgumentError(`Expected one of ${windows.join(', ')}.`);
  return ms / secondMs;
}
