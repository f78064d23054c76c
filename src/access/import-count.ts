import { bucketOf, oldestAt } from './bucket.ts';
import { type BadReason, type Emit, type HistoryLine, isBad } from './import-line.ts';
import type { MapLine, SkipReason } from './import-map.ts';
import { createCallerTally, createTally } from './import-tally.ts';
import { type Found, foundNothing, harmless } from './import-verdict.ts';

/** A line may be this much ahead of our clock. */
const aheadMs = 60_000;
const mostSamples = 5;
const mostPaths = 3;

export interface CountRules {
  readonly callerOf: (agent: string | undefined) => string;
  readonly demand: ReadonlySet<string>;
  /** Different keys and hours held before they are to be taken. */
  readonly mostEntries: number;
  readonly mostCallers: number;
  /** Nothing from before is taken for an access. @default the year 2000 */
  readonly oldest?: number;
  /** Is told every read that is demand, instead of its being counted. */
  readonly onRead?: (cache: string, key: string, at: number) => void;
}

/** Judges each line: a read that counts, a line that is no read, or one that cannot be understood. */
export function createCounting({
  callerOf,
  demand,
  mostEntries,
  mostCallers,
  oldest = oldestAt,
  onRead,
}: CountRules) {
  const tally = createTally(mostEntries);
  const callers = createCallerTally(mostCallers);
  let map: MapLine = () => 'unmapped';
  let found = foundNothing();
  let latest = 0;

  const bad = (reason: BadReason, number: number, text: string) => {
    found.bad += 1;
    found.reasons[reason] = (found.reasons[reason] ?? 0) + 1;
    if (found.samples.length < mostSamples)
      found.samples.push({ line: number, reason, text: harmless(text) });
  };

  const skip = (reason: SkipReason, line: HistoryLine) => {
    found.skipped[reason] = (found.skipped[reason] ?? 0) + 1;
    if (reason !== 'unmapped' || found.unmapped.length >= mostPaths) return;
    const path = harmless(line.path);
    if (!found.unmapped.includes(path)) found.unmapped.push(path);
  };

  const emit: Emit = (line, number, text) => {
    found.lines += 1;
    if (isBad(line)) return bad(line.bad, number, text);
    const { at } = line;
    if (at < oldest) return bad('tooOld', number, text);
    if (at > latest) return bad('future', number, text);
    const mapped = map(line);
    if (typeof mapped === 'string') return skip(mapped, line);
    const { cache, key } = mapped;
    const caller = line.caller ?? callerOf(line.agent);
    const bucket = bucketOf(at);
    callers.add(cache, caller, bucket);
    if (demand.has(caller)) {
      if (onRead) onRead(cache, key, at);
      else tally.add(cache, key, bucket, line.bytes);
      found.accesses += 1;
    } else found.notDemand += 1;
    if (found.from === undefined || at < found.from) found.from = at;
    if (found.to === undefined || at > found.to) found.to = at;
  };

  return {
    emit,
    tally,
    callers,
    get found(): Readonly<Found> {
      return found;
    },
    begin(mapLine: MapLine): void {
      map = mapLine;
    },
    setNow(now: number): void {
      latest = now + aheadMs;
    },
    clear(): void {
      found = foundNothing();
      tally.clear();
      callers.clear();
    },
  };
}
