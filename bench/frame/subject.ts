import { systemClock } from '../../src/clock.ts';
import { serve } from './child.ts';
import { type PeerCache, peerCaches } from './peer-caches.ts';
import type { PeerName } from './peer-names.ts';
import { zipf } from './zipf.ts';

/** One cache in a process of its own, asked what the benches want to know of it. */
export interface SubjectSetup {
  readonly subject: PeerName;
  readonly cacheUrl: string;
  readonly queueUrl: string;
  readonly failsFast?: boolean;
}

export interface ReadSetup {
  readonly keys: number;
  readonly callers: number;
  readonly ms: number;
}

export interface Answers {
  /** The longest. */
  readonly firstMs: number;
  readonly middleMs: number;
  readonly unanswered: number;
  readonly asked: number;
}

/** `clear` empties the cache, `flush` the whole Redis: the bench does that itself. */
export type Way = 'key' | 'tag' | 'clear' | 'flush';

let cache: PeerCache;
let version = 0;
let loads = 0;
let gate: Promise<void> | undefined;
let open = () => {};
/** Errors that nobody caught: with them a server would have ended. */
let uncaught = 0;
process.on('uncaughtException', () => {
  uncaught += 1;
});
process.on('unhandledRejection', () => {
  uncaught += 1;
});

const about = 'x'.repeat(880);
const load = async (id: string) => {
  loads += 1;
  const value = { id, version, about, price: { cents: 1_999, currency: 'EUR' }, tags: ['a', 'b', 'c'] };
  await gate;
  return value;
};
const versionOf = (value: unknown) => (value as { version?: number } | undefined)?.version;

async function fill(keys: number): Promise<void> {
  for (let from = 0; from < keys; from += 100)
    await Promise.all(Array.from({ length: 100 }, (_, i) => cache.getOrLoad(`read:${from + i}`)));
  await systemClock.sleep(200);
  loads = 0;
}

let draws: Uint32Array | undefined;
let ids: string[] = [];
let drawn = 0;

/** Reads a second while so many callers read one after the other; where the last time ended it goes on. */
async function read({ keys, callers, ms }: ReadSetup): Promise<number> {
  draws ??= zipf(keys, 0.99, 65_536);
  if (ids.length !== keys) ids = Array.from({ length: keys }, (_, i) => `read:${i}`);
  const order = draws;
  let reads = 0;
  const from = systemClock.elapsed();
  const until = from + ms;
  const caller = async () => {
    while (systemClock.elapsed() < until) {
      await cache.getOrLoad(ids[order[drawn++ & 65_535]!]!);
      reads += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const took = systemClock.elapsed() - from;
  if (loads > 0) throw new Error(`${loads} of ${reads} reads were no hits`);
  return (reads * 1_000) / took;
}

let racing: { ids: string[]; reads: Promise<unknown>[] } | undefined;

/** Begins slow loads of as many keys as `tries`, and answers when all are under way. */
async function begin({ way, round, tries }: { way: Way; round: number; tries: number }): Promise<void> {
  const ids = Array.from({ length: tries }, (_, i) => `${way}:${round}:${i}`);
  loads = 0;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  racing = { ids, reads: ids.map((id) => cache.getOrLoad(id)) };
  // A cache that takes its Redis for away loads fewer at once.
  const until = systemClock.elapsed() + 2_000;
  while (loads < tries && systemClock.elapsed() < until) await systemClock.sleep(1);
  version += 1;
}

async function invalidate(way: Way): Promise<void> {
  if (way === 'key') await Promise.all(racing!.ids.map((id) => cache.delete(id)));
  if (way === 'tag') await cache.tag!();
  if (way === 'clear') await cache.clear!();
}

/** Lets the loads end; answers how many of the keys have their old value afterwards. */
async function end(): Promise<number> {
  open();
  gate = undefined;
  await Promise.all(racing!.reads);
  await systemClock.sleep(2); // what is written behind the answer is written
  const values = await Promise.all(racing!.ids.map((id) => cache.getOrLoad(id)));
  return values.filter((value) => versionOf(value) !== version).length;
}

/** How long a task took; as long as the limit when it did not end. */
async function within(limitMs: number, task: () => Promise<unknown>) {
  const from = systemClock.elapsed();
  const late = Symbol('late');
  const ended = await Promise.race([
    task().then(
      (value) => ({ value }),
      () => ({ failed: true as const }),
    ),
    systemClock.sleep(limitMs).then(() => late),
  ]);
  return {
    ms: systemClock.elapsed() - from,
    ended: ended === late ? undefined : (ended as { value?: unknown }),
  };
}

/** One after the other; how long the longest and the middle one took, and how many brought no value. */
async function answers({ ids, limitMs }: { ids: readonly string[]; limitMs: number }): Promise<Answers> {
  const waits: number[] = [];
  let unanswered = 0;
  for (const id of ids) {
    const { ms, ended } = await within(limitMs, () => cache.getOrLoad(id));
    waits.push(ms);
    if (ended?.value === undefined) unanswered += 1;
    if (unanswered > 1) break;
  }
  waits.sort((a, b) => a - b);
  return { firstMs: waits.at(-1)!, middleMs: waits[waits.length >> 1]!, unanswered, asked: waits.length };
}

/** Deletes keys after their rows have changed. */
async function change({ ids, limitMs }: { ids: readonly string[]; limitMs: number }): Promise<void> {
  version += 1;
  await within(limitMs, () => Promise.allSettled(ids.map(async (id) => cache.delete(id))));
}

/** How many keys have a value that is older than the last change. */
async function stale({ ids, limitMs }: { ids: readonly string[]; limitMs: number }): Promise<number> {
  const all = await Promise.all(ids.map((id) => within(limitMs, () => cache.getOrLoad(id))));
  return all.filter(({ ended }) => versionOf(ended?.value) !== version).length;
}

serve({
  async open({ subject, ...servers }: SubjectSetup) {
    cache = await peerCaches[subject]({ ...servers, load });
    await systemClock.sleep(200); // clients that fail fast must be connected first
    return { hasTags: cache.tag !== undefined, hasClear: cache.clear !== undefined };
  },
  fill,
  read,
  begin,
  invalidate,
  end,
  answers,
  change,
  stale,
  uncaught: () => uncaught,
});
