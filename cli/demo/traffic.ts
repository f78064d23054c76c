import { createWriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Request } from '../../src/demo/measure.ts';
import { demoShop, productCount, shopReads } from '../../src/demo/shop.ts';
import { chooseHour, hourText, outlineTrace, readTrace } from '../../src/demo/trace.ts';

/** History for the forecast to learn from, and the hour after it. */
export interface Traffic {
  /** What it is, for people. */
  readonly about: string;
  /** A CSV of the reads before the hour: epoch_seconds,key,agent. */
  readonly history: string;
  readonly lines: number;
  /** Every key there is. */
  readonly keys: readonly string[];
  /** The hour, in time order. */
  readonly requests: readonly Request[];
  /** How many keys the plan may have. */
  readonly top: number;
}

export interface TrafficOptions {
  readonly folder: string;
  /** The instant at which the history ends and the hour begins, whatever it was in the trace: a whole hour. */
  readonly endsAt: number;
  readonly signal: AbortSignal;
}

const hourMs = 3_600_000;
const header = 'epoch_seconds,key,agent\n';
const agents = {
  user: 'Mozilla/5.0',
  bot: 'Mozilla/5.0 (compatible; Shopbot/1.0; +http://shop.example/bot)',
};
const pieceLength = 65_536;
/** A quarter of the shop's products are worth a place in the cache. */
const shopTop = 2_500;

/** Two weeks of the demo's own shop. The same seed gives the same traffic. */
export async function shopTraffic(
  seed: number,
  { folder, endsAt, signal }: TrafficOptions,
): Promise<Traffic> {
  const shop = { ...demoShop, seed };
  const historyMs = shop.days * 24 * hourMs;
  const requests: Request[] = [];
  let lines = 0;
  function* history(): Generator<string> {
    yield header;
    for (const { at, product, caller } of shopReads(shop)) {
      const key = `p${product}`;
      if (at >= historyMs) {
        requests.push({ at: at - historyMs, key, caller });
        continue;
      }
      lines += 1;
      yield `${Math.floor((endsAt - historyMs + at) / 1_000)},${key},${agents[caller]}\n`;
    }
  }
  const file = join(folder, 'history.csv');
  await pipeline(pieces(history()), createWriteStream(file), { signal });
  return {
    about: `seed ${seed}`,
    history: file,
    lines,
    keys: Array.from({ length: productCount(shop) }, (_, i) => `p${i + 1}`),
    requests,
    top: shopTop,
  };
}

/** A recorded trace and the epoch hour of it that is to be replayed. */
export interface Trace {
  readonly file: string;
  readonly hour: number;
}

/** Reads a trace through to find the hour asked for, or a busy one. Throws E_USAGE when it has none to replay. */
export const openTrace = async (file: string, at: number | undefined): Promise<Trace> => ({
  file,
  hour: chooseHour(await outlineTrace(readTrace(file)), at),
});

/** A trace, moved in time so that its hour begins now. */
export async function traceTraffic(
  { file: trace, hour }: Trace,
  { folder, endsAt, signal }: TrafficOptions,
): Promise<Traffic> {
  const keys = new Set<string>();
  const requests: Request[] = [];
  const working = createWorkingSet(hour);
  let lines = 0;
  async function* history(): AsyncGenerator<string> {
    yield header;
    for await (const { epochSeconds, key } of readTrace(trace)) {
      const offsetMs = (epochSeconds - hour * 3_600) * 1_000;
      if (offsetMs >= hourMs) continue;
      keys.add(key);
      if (offsetMs >= 0) {
        requests.push({ at: offsetMs, key, caller: 'user' });
        continue;
      }
      lines += 1;
      working.note(Math.floor(epochSeconds / 3_600), key);
      yield `${Math.floor((endsAt + offsetMs) / 1_000)},${quoted(key)},${agents.user}\n`;
    }
  }
  const file = join(folder, 'history.csv');
  await pipeline(pieces(history()), createWriteStream(file), { signal });
  requests.sort((a, b) => a.at - b.at);
  return {
    about: `${basename(trace)}, the hour from ${hourText(hour)}`,
    history: file,
    lines,
    keys: [...keys],
    requests,
    top: Math.max(10, Math.ceil(working.most() / 2)),
  };
}

const quoted = (key: string): string => (/["\r\n]/.test(key) ? `"${key.replaceAll('"', '""')}"` : key);

/** How many keys an hour of the last week before `hour` asked for, at most: what a plan is measured by. */
function createWorkingSet(hour: number) {
  const hours = new Map<number, Set<string>>();
  return {
    note(at: number, key: string): void {
      if (at < hour - 168) return;
      const keys = hours.get(at) ?? new Set();
      hours.set(at, keys.add(key));
    },
    most: () => Math.max(0, ...[...hours.values()].map(({ size }) => size)),
  };
}

/** Lines joined to pieces worth a write each. */
async function* pieces(lines: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const line of lines) {
    piece += line;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
