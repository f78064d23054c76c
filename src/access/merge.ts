import type { AccessBatch, AccessCount, CallerCount, Fill } from '../rooms.ts';
import type { ReadMessage } from './message.ts';

type Merged = Pick<AccessBatch, 'counts' | 'callers' | 'used' | 'fills' | 'dropped'>;
type Mutable<Count> = { -readonly [Field in keyof Count]: Count[Field] };

/** One count per cache, key and hour, whatever number of messages told of it. Of several fills of a key the last stays. */
export function mergeMessages(messages: readonly ReadMessage[]): Merged {
  const counts = new Map<string, Mutable<AccessCount>>();
  const callers = new Map<string, Mutable<CallerCount>>();
  const fills = new Map<string, Fill>();
  const used = new Map<string, AccessBatch['used'][number]>();
  let dropped = 0;
  for (const message of messages) {
    const { bucket } = message;
    dropped += message.dropped;
    for (const { cache, ...part } of message.caches) {
      for (const [key, accesses, misses] of part.counts)
        add(counts, `${bucket} ${cache} ${key}`, { cache, key, bucket, accesses, misses });
      for (const [caller, accesses, misses] of part.callers)
        add(callers, `${bucket} ${cache} ${caller}`, { cache, bucket, caller, accesses, misses });
      for (const [plan, row] of part.used) used.set(`${plan} ${row}`, { cache, plan, row });
      for (const fill of part.fills) fills.set(`${cache} ${fill.key}`, fill);
    }
  }
  return {
    counts: [...counts.values()],
    callers: [...callers.values()],
    used: [...used.values()],
    fills: [...fills.values()],
    dropped,
  };
}

/** What the database's integers hold. */
const mostCounted = 2 ** 31 - 1;

function add<Count extends { accesses: number; misses: number }>(
  into: Map<string, Count>,
  name: string,
  count: Count,
): void {
  const known = into.get(name);
  if (known === undefined) {
    into.set(name, count);
    return;
  }
  known.accesses = Math.min(mostCounted, known.accesses + count.accesses);
  known.misses = Math.min(mostCounted, known.misses + count.misses);
}
