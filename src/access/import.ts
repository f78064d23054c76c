import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Pool } from '../connect.ts';
import { messageOf, SamovarError } from '../errors.ts';
import type { ImportOptions, ImportProgress, ImportSummary } from '../facade.ts';
import type { Log } from '../log.ts';
import { horizonAt } from './horizon.ts';
import { createCallerOf } from './import-caller.ts';
import { createCounting } from './import-count.ts';
import { createReader, firstLines, sniffFormat } from './import-format.ts';
import { createFeeder } from './import-lines.ts';
import { createMap, type MapLine } from './import-map.ts';
import { readPieces } from './import-pieces.ts';
import { openSource, type Source, withHead } from './import-source.ts';
import { foundNothing, judge, judgeWhole, summaryOf } from './import-verdict.ts';
import { type Staging, withStaging } from './postgres-import.ts';

export interface ImporterOptions {
  readonly config: Pick<Config, 'caches' | 'import' | 'access' | 'retention'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Different keys and hours held in memory; their texts are bounded besides. @default 200_000 */
  readonly mostEntries?: number;
}

/** Imports a file, or standard input for '-': all that is new in it, in one transaction, or nothing. */
export type Importer = (path: string, options?: ImportOptions) => Promise<ImportSummary>;

/** The beginning by which contents are told apart before all of them is read, and the one in which the format shows. */
const headBytes = 1_024;
const sniffBytes = 65_536;
const mostCallers = 32;

/** Content whose beginning has been read. */
interface Content {
  readonly source: Source;
  readonly start: Buffer;
  readonly chunks: AsyncIterable<Buffer>;
  /** Names the beginning; empty for content too short to have one. */
  readonly head: Buffer;
}

export function createImporter(pool: Pool, parts: ImporterOptions): Importer {
  return async (path, options = {}) => {
    const { signal } = options;
    signal?.throwIfAborted();
    const source = await openSource(path, signal);
    try {
      const { head: start, all: chunks } = await withHead(source.chunks, sniffBytes);
      if (start.length === 0) return summaryOf(options.format, foundNothing(), 0, undefined);
      const hash = createHash('sha256').update(start.subarray(0, headBytes)).digest();
      const head = start.length < headBytes ? Buffer.alloc(0) : hash;
      return await withStaging(pool, hash, (staging) =>
        importContent({ source, start, chunks, head }, staging, options, parts),
      );
    } catch (error) {
      // Whatever broke because of it, the abort is the reason.
      signal?.throwIfAborted();
      throw error;
    } finally {
      source.close();
    }
  };
}

async function importContent(
  { source, start, chunks, head }: Content,
  staging: Staging,
  { signal, onProgress, maxBad = 0.1, again = false, ...options }: ImportOptions,
  { config, clock, log, mostEntries = 200_000 }: ImporterOptions,
): Promise<ImportSummary> {
  const beginning = firstLines(start, sniffBytes);
  const format = options.format ?? sniffFormat(beginning, source.name);
  const counting = createCounting({
    callerOf: createCallerOf(config.access.caller),
    demand: new Set(config.access.demand),
    mostEntries,
    mostCallers,
  });
  const { reader, headerLines } = createReader(format, beginning[0] ?? '', source.name, counting.emit);
  const { map } = config.import;
  const { columns } = reader;
  counting.begin(guarded(createMap({ caches: config.caches, map, cache: options.cache, columns })));

  const known = again ? [] : staging.known;
  const reading = readPieces(chunks, [...new Set(known.map(({ bytes }) => bytes))]);
  const feeder = createFeeder({ reader, headerLines, emit: counting.emit });
  let knownLines = 0;
  const progress = (doing: ImportProgress['doing']) =>
    onProgress?.({ doing, bytes: source.bytesRead(), totalBytes: source.totalBytes, lines: feeder.lines });

  for await (const { lines, sha256 } of reading.pieces()) {
    counting.setNow(clock.now());
    for (const line of lines) feeder.feed(line);
    if (sha256 !== undefined && known.some((content) => content.sha256.equals(sha256))) {
      // Up to here it was imported before: only what follows counts.
      reader.end();
      knownLines += counting.found.lines;
      if (reading.dropRest()) feeder.skip();
      counting.clear();
      await staging.clear();
    }
    judge(counting.found, maxBad, source.name, format);
    if (counting.tally.isFull()) await staging.stage(counting.tally.take());
    progress('reading');
  }
  reader.end();
  const { found } = counting;
  judgeWhole(found, maxBad, source.name, format);
  if (found.accesses + found.notDemand === 0) return summaryOf(format, found, knownLines, undefined);

  await staging.stage(counting.tally.take());
  progress('merging');
  signal?.throwIfAborted();
  const { lines, accesses, bad, from, to } = found;
  const record = { ...reading.whole(), head, lines: lines + knownLines, accesses, bad, from, to };
  const added = await staging.merge(
    record,
    counting.callers.all(),
    horizonAt(clock.now(), config.retention),
    again,
  );
  log.debug({ format, lines, accesses, bytes: record.bytes }, 'history imported');
  return summaryOf(format, found, knownLines, added);
}

/** A map of the application's own may fail: then it says where. */
const guarded =
  (map: MapLine): MapLine =>
  (line) => {
    try {
      return map(line);
    } catch (error) {
      throw new SamovarError('E_CONFIG', `\`import.map\` failed for a line of history: ${messageOf(error)}`, {
        cause: error,
      });
    }
  };
