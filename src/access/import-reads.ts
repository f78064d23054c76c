import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { type AnyCacheDef, defineCache, defineOrigin } from '../define.ts';
import type { ImportFormat } from '../facade.ts';
import { key } from '../key.ts';
import { createCallerOf } from './import-caller.ts';
import { createCounting } from './import-count.ts';
import { createReader, firstLines, sniffFormat, unreadable } from './import-format.ts';
import { createFeeder } from './import-lines.ts';
import { createMap } from './import-map.ts';
import { readPieces } from './import-pieces.ts';
import { openSource, withHead } from './import-source.ts';
import { type Found, judge, judgeWhole } from './import-verdict.ts';

export interface ReadOptions {
  /** Without one, every line is a read of one cache called `reads`: its key, or its path. */
  readonly config?: Pick<Config, 'caches' | 'import' | 'access'> | undefined;
  readonly cache?: string | undefined;
  readonly format?: ImportFormat | undefined;
  /** Share of unreadable lines that is too many. */
  readonly maxBad: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  onRead(cache: string, key: string, at: number): void;
  onProgress(progress: { bytes: number; totalBytes: number | undefined; lines: number }): void;
}

const sniffBytes = 65_536;
const wholeCache = 'reads';

/** Reads a file of history, in any format that can be imported, without keeping it anywhere. E_IMPORT as an import. */
export async function readHistory(path: string, options: ReadOptions): Promise<Readonly<Found>> {
  const { config, format: asked, maxBad, clock, signal, onProgress } = options;
  const source = await openSource(path, signal);
  try {
    const { head, all } = await withHead(source.chunks, sniffBytes);
    if (head.length === 0) throw unreadable(`${source.name} is empty`, [], {});
    const beginning = firstLines(head, sniffBytes);
    const format = asked ?? sniffFormat(beginning, source.name);
    const access = config?.access ?? { caller: 'user', demand: ['user', 'api'] };
    const counting = createCounting({
      callerOf: createCallerOf(access.caller),
      demand: new Set(access.demand),
      mostEntries: 1,
      mostCallers: 32,
      // Nothing is kept: a trace of the nineties, or one that counts from 0, is as good as any.
      oldest: 0,
      onRead: options.onRead,
    });
    const { reader, headerLines } = createReader(format, beginning[0] ?? '', source.name, counting.emit);
    counting.begin(
      createMap({
        caches: config?.caches ?? [whole],
        map: config?.import.map,
        cache: config === undefined ? wholeCache : options.cache,
        columns: reader.columns,
      }),
    );
    counting.setNow(clock.now());
    const feeder = createFeeder({ reader, headerLines, emit: counting.emit });
    for await (const { lines } of readPieces(all, []).pieces()) {
      signal.throwIfAborted();
      for (const line of lines) feeder.feed(line);
      judge(counting.found, maxBad, source.name, format);
      onProgress({ bytes: source.bytesRead(), totalBytes: source.totalBytes, lines: feeder.lines });
    }
    reader.end();
    judgeWhole(counting.found, maxBad, source.name, format);
    return counting.found;
  } finally {
    source.close();
  }
}

const whole: AnyCacheDef = defineCache<typeof wholeCache, string, unknown>(wholeCache, {
  origin: defineOrigin(wholeCache),
  key: key.string,
  ttl: '1h',
  load: () => [],
});
