import { cachified } from '@epic-web/cachified';
import { createCache as createDedupe } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { createCache as createManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import Keyv from 'keyv';
import { LRUCache } from 'lru-cache';
import { createClient } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { serve } from './child.ts';

/** A process that reads what its memory holds. */
export interface MemorySetup {
  readonly subject: string;
  readonly cacheUrl: string;
  readonly queueUrl: string;
  readonly keys: number;
}

export interface Reading {
  readonly ms: number;
  readonly callers: number;
}

type Read = (id: string) => unknown;

const ttlMs = 3_600_000;
const hour = { ttl: ttlMs };
const itemOf = (id: string) => ({
  id,
  name: `Item ${id}`,
  about: 'x'.repeat(500),
  price: { cents: 1_999, currency: 'EUR', tax: 0.2 },
  stock: { north: 3, south: 1, east: 0, west: 7 },
  tags: Array.from({ length: 8 }, (_, i) => `tag-${i}`),
  images: Array.from({ length: 5 }, (_, i) => `/images/${id}/${i}.jpg`),
  rating: { stars: 4, count: 312 },
});

const samovar =
  (share: boolean) =>
  async ({ cacheUrl, queueUrl }: MemorySetup): Promise<Read> => {
    const cache = defineCache('items', {
      origin: defineOrigin('items'),
      key: key.string,
      ...hour,
      memory: { maxBytes: 512 * 1024 * 1024, share },
      load: (ids: string[]) => new Map(ids.map((id) => [id, itemOf(id)])),
    });
    const client = await createClient(
      defineConfig({ redis: cacheUrl, queueRedis: queueUrl, caches: [cache], log: { level: 'error' } }),
    );
    const opened = client.cache(cache);
    await opened.get('warm-up');
    await systemClock.sleep(200); // until it hears of other processes
    return (id) => opened.get(id);
  };

const bento = (serialize: boolean) => async (): Promise<Read> => {
  const driver = memoryDriver({ maxItems: 100_000, serialize });
  const cache = new BentoCache({ default: 'main', stores: { main: bentostore().useL1Layer(driver) } });
  return (id) => cache.getOrSet({ key: id, ...hour, factory: () => itemOf(id) });
};

/** The same values for every reader, unless their name says copies. */
const subjects: Record<string, (setup: MemorySetup) => Promise<Read>> = {
  async 'lru-cache'() {
    const cache = new LRUCache<string, object>({ max: 100_000 });
    return (id) => {
      const held = cache.get(id);
      if (held !== undefined) return held;
      const made = itemOf(id);
      cache.set(id, made);
      return made;
    };
  },
  samovar: samovar(true),
  'samovar copies': samovar(false),
  bentocache: bento(false),
  'bentocache copies': bento(true),
  async 'async-cache-dedupe'() {
    const options = { ttl: ttlMs / 1_000, storage: { type: 'memory', options: { size: 100_000 } } } as const;
    const cache = createDedupe(options).define('items', async (id: string) => itemOf(id));
    return (id) => cache.items(id);
  },
  async cachified() {
    const cache = new LRUCache<string, never>({ max: 100_000 });
    return (id) => cachified({ key: id, cache: cache as never, ...hour, getFreshValue: () => itemOf(id) });
  },
  async 'cacheable copies'() {
    const cache = new Cacheable(hour);
    return (id) => cache.getOrSet(id, async () => itemOf(id));
  },
  async 'cache-manager copies'() {
    const cache = createManager({ stores: [new Keyv()] });
    return (id) => cache.wrap(id, async () => itemOf(id), ttlMs);
  },
  async 'keyv copies'() {
    const cache = new Keyv();
    return async (id) => {
      const found = await cache.get(id);
      if (found !== undefined) return found;
      await cache.set(id, itemOf(id), ttlMs);
      return itemOf(id);
    };
  },
};

let read: Read;
let ids: string[];

async function open(setup: MemorySetup): Promise<void> {
  read = await subjects[setup.subject]!(setup);
  // Zipf: a few keys are most of the reads.
  const weights = Array.from({ length: setup.keys }, (_, i) => 1 / (i + 1) ** 0.99);
  const sum = weights.reduce((a, b) => a + b, 0);
  const ends: number[] = [];
  weights.reduce((before, weight, i) => (ends[i] = before + weight / sum), 0);
  let seed = 42;
  ids = Array.from({ length: 1 << 16 }, () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const at = ends.findIndex((end) => end >= seed / 2 ** 32);
    return `item:${at < 0 ? setup.keys - 1 : at}`;
  });
  // Loaded, then read from wherever it was put, until all is in memory.
  const all = [...new Set(ids)];
  for (let round = 0; round < 3; round++) {
    for (let from = 0; from < all.length; from += 100)
      await Promise.all(all.slice(from, from + 100).map((id) => read(id)));
    await systemClock.sleep(50);
  }
}

/** Reads by so many callers, each one after the other, for a while; how many a second. */
async function run({ ms, callers }: Reading): Promise<number> {
  let reads = 0;
  let isOver = false;
  let next = 0;
  const caller = async () => {
    while (!isOver) {
      for (let i = 0; i < 1_000; i++) await read(ids[next++ & 0xffff]!);
      reads += 1_000;
      if (systemClock.elapsed() >= until) isOver = true;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const from = systemClock.elapsed();
  const until = from + ms;
  await Promise.all(Array.from({ length: callers }, caller));
  return (reads * 1_000) / (systemClock.elapsed() - from);
}

serve({ open, run });
