import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, SamovarError } from '../errors.ts';

/** A line of a trace: somebody read `key`. */
export interface TraceRead {
  readonly epochSeconds: number;
  readonly key: string;
}

/** How much a trace holds, by epoch hour. */
export interface TraceOutline {
  readonly reads: number;
  /** Seconds of the first and the last read. */
  readonly from: number;
  readonly until: number;
  readonly hours: ReadonlyMap<number, HourOutline>;
}

interface HourOutline {
  readonly reads: number;
  /** Reads of its first five minutes. */
  readonly early: number;
}

/** Hours of history without which a forecast has nothing to go by. */
const leastHistoryHours = 3;
const hourSeconds = 3_600;
const earlySeconds = 300;
/** An hour of which less than this comes in the first five minutes (a twelfth of it) begins too late to show a start. */
const leastEarly = 1 / 24;

/** Reads `epoch_seconds,key[,size]`, gzipped if the name says so, line by line. Throws E_USAGE naming what is not so. */
export async function* readTrace(file: string): AsyncGenerator<TraceRead> {
  let number = 0;
  for await (const line of linesOf(file)) {
    number += 1;
    if (number === 1) {
      if (/^epoch_seconds,key(,|$)/.test(line)) continue;
      throw wrong(file, number, "expected the header 'epoch_seconds,key,size'", line);
    }
    if (line === '') continue;
    const [at, key] = line.split(',', 2);
    const epochSeconds = Number(at);
    if (!at || !key || !Number.isFinite(epochSeconds))
      throw wrong(file, number, "expected 'epoch_seconds,key'", line);
    yield { epochSeconds, key };
  }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const source = createReadStream(file);
  const text: Readable = file.endsWith('.gz') ? source.pipe(createGunzip()) : source;
  source.on('error', (error) => text.destroy(error));
  let rest = '';
  try {
    for await (const piece of text.setEncoding('utf8')) {
      const lines = (rest + piece).split(/\r?\n/);
      rest = lines.pop()!;
      yield* lines;
    }
  } catch (error) {
    throw new SamovarError('E_USAGE', `cannot read the trace ${file}: ${messageOf(error)}`, { cause: error });
  } finally {
    source.destroy();
  }
  if (rest !== '') yield rest;
}

const wrong = (file: string, number: number, expected: string, line: string): SamovarError =>
  new SamovarError('E_USAGE', `${file}, line ${number}: ${expected}, got '${line.slice(0, 60)}'`);

export async function outlineTrace(reads: AsyncIterable<TraceRead>): Promise<TraceOutline> {
  const hours = new Map<number, HourOutline>();
  let [count, from, until] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const { epochSeconds } of reads) {
    const hour = Math.floor(epochSeconds / hourSeconds);
    const { reads: before, early } = hours.get(hour) ?? { reads: 0, early: 0 };
    const isEarly = epochSeconds - hour * hourSeconds < earlySeconds;
    hours.set(hour, { reads: before + 1, early: early + Number(isEarly) });
    count += 1;
    from = Math.min(from, epochSeconds);
    until = Math.max(until, epochSeconds);
  }
  return { reads: count, from, until, hours };
}

/**
 * The epoch hour to forecast: the one asked for, else the busiest whole hour of the trace's last quarter that is busy
 * from its beginning. Throws E_USAGE when the trace does not hold it whole, with some history before it.
 */
export function chooseHour(outline: TraceOutline, at?: number): number {
  const earliest = Math.ceil(outline.from / hourSeconds) + leastHistoryHours;
  const latest = Math.floor((outline.until + 1) / hourSeconds) - 1;
  if (outline.reads === 0 || latest < earliest) {
    const span =
      outline.reads === 0 ? 'nothing' : `${Math.round((outline.until - outline.from) / 60)} minutes`;
    throw new SamovarError(
      'E_USAGE',
      `expected a trace of at least ${leastHistoryHours} hours and one whole hour more to replay, got ${span}`,
    );
  }
  if (at !== undefined) {
    const hour = Math.floor(at / hourSeconds);
    if (hour >= earliest && hour <= latest && outline.hours.has(hour)) return hour;
    throw new SamovarError(
      'E_USAGE',
      `expected --at to be an hour of the trace with requests, from ${hourText(earliest)} to ${hourText(latest)}, got ${hourText(hour)}`,
    );
  }
  const lastQuarter = Math.floor((outline.until - (outline.until - outline.from) / 4) / hourSeconds);
  const first = Math.max(earliest, Math.min(lastQuarter, latest));
  const late = [...outline.hours].filter(([hour]) => hour >= first && hour <= latest);
  const prompt = late.filter(([, { reads, early }]) => early >= reads * leastEarly);
  const [busiest] = (prompt.length > 0 ? prompt : late).sort(([, a], [, b]) => b.reads - a.reads);
  return busiest?.[0] ?? latest;
}

export const hourText = (hour: number): string =>
  `${new Date(hour * hourSeconds * 1_000).toISOString().slice(0, 13)}:00Z`;
