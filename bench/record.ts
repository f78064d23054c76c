import { LRUCache } from 'lru-cache';
import { createRecorder } from '../src/access/recorder.ts';
import type { Bus } from '../src/bus/bus.ts';
import { createMemory } from '../src/cache/memory.ts';
import { systemClock as clock, nextTurn } from '../src/clock.ts';
import { createEmitter } from '../src/events.ts';
import { atLeast, type Bench, type BenchRow } from './bench.ts';
import { interleave, median } from './frame/stats.ts';

type Find = (key: string) => Promise<unknown> | undefined;
interface Subject {
  readonly find: Find;
  /** What happens every few seconds in life; here, every so many reads. */
  flush(): Promise<void>;
}

const keys = 20_000;
/** Five seconds of a process that does little else. */
const readsPerFlush = 10_000_000;
const enough = 0.95;

const ids = (() => {
  let seed = 42;
  const skewed = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.min(keys - 1, Math.floor(keys ** (seed / 2 ** 32)) - 1);
  };
  return Array.from({ length: 1 << 16 }, () => `item:${skewed()}`);
})();

const deafBus: Bus = {
  channel: '',
  origin: '',
  isUp: true,
  trustedUntil: Number.POSITIVE_INFINITY,
  open() {},
  publish() {},
  on: () => () => {},
  close() {},
};

const recorderOf = () =>
  createRecorder({
    log: { append: async () => ({ lost: 0 }) },
    clock,
    events: createEmitter(),
    flushEveryMs: 3_600_000,
    maxKeys: 100_000,
    demand: ['user'],
    caller: 'user',
  });

const entry = (() => {
  const bytes = Buffer.alloc(64);
  bytes.writeDoubleBE(clock.now(), 4);
  bytes.writeDoubleBE(clock.now() + 3_600_000, 12);
  return bytes;
})();

interface Held {
  readonly key: string;
  readonly value: unknown;
  readonly plan: undefined;
  readonly answer: Promise<unknown> | undefined;
  readonly until: number;
  readonly tags: readonly string[];
}

/** The whole way of a read through memory, trust and the reader's name included, and nothing is counted. */
function uncounted(): { find(key: string, caller?: string): Promise<unknown> | undefined } {
  const entries = new LRUCache<string, Held>({ maxSize: 1 << 30, dispose() {} });
  for (let i = 0; i < keys; i++) {
    const [key, value] = [`item:${i}`, Object.freeze({ i })];
    const answer = Promise.resolve(value);
    const until = clock.elapsed() + 3_600_000;
    entries.set(key, { key, value, plan: undefined, answer, until, tags: [] }, { size: 300 });
  }
  let now = Number.POSITIVE_INFINITY;
  let left = -1;
  const look = () => {
    const at = clock.elapsed();
    now = at < deafBus.trustedUntil ? at : Number.POSITIVE_INFINITY;
    if (left < 0) void nextTurn().then(forget);
    left = 32;
  };
  const forget = () => {
    left = -1;
  };
  const hold = (key: string): Held | undefined => {
    const held = entries.get(key);
    if (held === undefined) return undefined;
    if (left <= 0) look();
    left -= 1;
    return held.until <= now ? undefined : held;
  };
  return {
    find(key) {
      const held = hold(key);
      if (held === undefined) return undefined;
      return held.answer === undefined ? Promise.resolve(structuredClone(held.value)) : held.answer;
    },
  };
}

const subjects: Record<string, () => Subject> = {
  nothing() {
    const memory = uncounted();
    return { find: (key) => memory.find(key, undefined), flush: async () => {} };
  },
  samovar() {
    const recorder = recorderOf();
    const settings = { maxBytes: 1 << 30, ttlMs: Number.POSITIVE_INFINITY, earlyLoads: 0, isShared: true };
    const memory = createMemory({ cache: 'items', settings, bus: deafBus, clock, recorder });
    for (let i = 0; i < keys; i++) memory.keep(`item:${i}`, memory.stamp(), entry, { i });
    return { find: (key) => memory.find(key, undefined), flush: () => recorder.flush() };
  },
  map() {
    const { find } = uncounted();
    let counts = new Map<string, number>();
    return {
      find(key) {
        counts.set(key, (counts.get(key) ?? 0) + 1);
        return find(key);
      },
      async flush() {
        counts = new Map();
      },
    };
  },
  event() {
    const { find } = uncounted();
    let events: object[] = [];
    return {
      find(key) {
        if (events.push({ key, at: clock.now(), caller: 'user' }) === 10_000) events = [];
        return find(key);
      },
      flush: async () => {},
    };
  },
  recorder() {
    const { find } = uncounted();
    const recorder = recorderOf();
    return {
      find(key) {
        recorder.hit('items', key, undefined, 0, 0);
        return find(key);
      },
      flush: () => recorder.flush(),
    };
  },
};

const names: Readonly<Record<string, string>> = {
  nothing: 'nothing is counted',
  samovar: 'Samovar, a count within the entry',
  recorder: "Samovar's recorder for each read",
  map: 'a Map of counts',
  event: 'an event object for each read',
};

async function readsPerSecond({ find, flush }: Subject, reads: number): Promise<number> {
  const from = clock.elapsed();
  for (let done = 0; done < reads; done += readsPerFlush) {
    for (let i = 0; i < readsPerFlush; i++) {
      if (find(ids[i & 0xffff]!) === undefined) throw new Error('a key is not in memory');
    }
    await flush();
  }
  return (reads * 1_000) / (clock.elapsed() - from);
}

export const bench: Bench = {
  about: 'reads in memory that are counted, against the same reads not counted; flushes included',
  async run(context) {
    // Short slices, many times: what else the machine does hits all alike.
    const reads = readsPerFlush;
    const made = Object.fromEntries(Object.entries(subjects).map(([name, make]) => [name, make()]));
    const results = await interleave(
      context.quick ? 3 : 5 * context.rounds,
      Object.fromEntries(
        Object.keys(subjects).map((name) => [name, () => readsPerSecond(made[name]!, reads)]),
      ),
      { warmUp: true },
    );
    const of = (name: string) => median(results[name]!);
    const against = names['nothing']!;
    const rows = Object.entries(names).map(
      ([name, what]): BenchRow => ({
        what,
        value: of(name),
        unit: 'reads/s',
        ratio: of(name) / of('nothing'),
        against,
      }),
    );
    return { rows, targets: [atLeast(`Samovar / ${against}`, of('samovar') / of('nothing'), enough)] };
  },
};
