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
  readonly hours: ReadonlyMap<number, number>;
}

/** Hours of history without which a forecast has nothing to go by. */
const leastHistoryHours = 3;
const hourSeconds = 3_600;

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
  const hours = new Map<number, number>();
  let [count, from, until] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for await (const { epochSeconds } of reads) {
    const hour = Math.floor(epochSeconds / hourSeconds);
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
    count += 1;
    from = Math.min(from, epochSeconds);
    until = Math.max(until, epochSeconds);
  }
  return { reads: count, from, until, hours };
}

/**
 * The epoch hour to forecast: the one asked for, else the busiest whole hour of the trace's last quarter. Throws
 * E_USAGE when the trace does not hold it whole, with some history before it.
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
  const candidates = [...outline.hours].filter(
    ([hour]) => hour >= Math.max(earliest, Math.min(lastQuarter, latest)) && hour <= latest,
  );
  const best = candidates.reduce((a, b) => (b[1] > a[1] ? b : a), [latest, 0]);
  return best[0];
}

export const hourText = (hour: number): string =>
  `${new Date(hour * hourSeconds * 1_000).toISOString().slice(0, 13)}:00Z`;
