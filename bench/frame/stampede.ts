import { cachified } from '@epic-web/cachified';
import KeyvRedis from '@keyv/redis';
import { createCache as createDedupe } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { redisDriver } from 'bentocache/drivers/redis';
import { createCache as createManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Redis } from 'ioredis';
import Keyv from 'keyv';
import { createClient } from '../../src/client.ts';
import { systemClock } from '../../src/clock.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { serve } from './child.ts';

/** One of the processes whose callers all want the same cold keys at once. */
export interface StampedeSetup {
  readonly subject: string;
  readonly cacheUrl: string;
  readonly queueUrl: string;
  /** Which process this is, of how many. */
  readonly index: number;
  readonly processes: number;
}

export interface Stampede {
  /** Part of every key, so that all are cold. */
  readonly name: string;
  readonly keys: number;
  readonly callers: number;
  /** Epoch ms at which all processes begin. */
  readonly at: number;
}

type Read = (id: string) => Promise<unknown>;

const loadMs = 20;
const ttlMs = 60_000;
let loads = 0;

const itemOf = (id: string) => ({ id, about: 'x'.repeat(960), price: { cents: 1_999, currency: 'EUR' } });
const load = async (id: string) => {
  loads += 1;
  await systemClock.sleep(loadMs);
  return itemOf(id);
};

const subjects: Record<string, (setup: StampedeSetup) => Promise<Read>> = {
  async samovar({ cacheUrl, queueUrl }) {
    const cache = defineCache('items', {
      origin: defineOrigin('items'),
      key: key.string,
      ttl: ttlMs,
      load: async (ids: string[]) =>
        new Map(await Promise.all(ids.map(async (id) => [id, await load(id)] as const))),
    });
    const client = await createClient(
      defineConfig({ redis: cacheUrl, queueRedis: queueUrl, caches: [cache], log: { level: 'error' } }),
    );
    const opened = client.cache(cache);
    return (id) => opened.get(id);
  },

  /** Who loads what is agreed upon beforehand, and who waits is told: nothing is left to be better at. */
  async perfect({ cacheUrl, index, processes }) {
    const [redis, subscriber] = [new Redis(cacheUrl), new Redis(cacheUrl)];
    const waiting = new Map<string, (value: unknown) => void>();
    await subscriber.subscribe('perfect');
    const early = new Set<string>();
    subscriber.on('message', async (_, text) => {
      const told = JSON.parse(text) as string[];
      const ids = told.filter((id) => waiting.has(id));
      if (ids.length === 0) for (const id of told) early.add(id);
      if (ids.length === 0) return;
      (await redis.mget(ids)).forEach((found, i) => {
        waiting.get(ids[i]!)!(JSON.parse(found!));
      });
    });
    const shared = new Map<string, Promise<unknown>>();
    let loading: string[] = [];
    const loadAll = async () => {
      const ids = loading;
      loading = [];
      const values = await Promise.all(ids.map(load));
      await redis.mset(ids.flatMap((id, i) => [id, JSON.stringify(values[i])]));
      ids.forEach((id, i) => {
        waiting.get(id)!(values[i]);
      });
      await redis.publish('perfect', JSON.stringify(ids));
    };
    return (id) => {
      const known = shared.get(id);
      if (known !== undefined) return known;
      // On a busy machine a process may begin when others have ended.
      const answer = early.has(id)
        ? redis.get(id).then((found) => JSON.parse(found!) as unknown)
        : new Promise<unknown>((resolve) => waiting.set(id, resolve));
      shared.set(id, answer);
      if (Number(id.split(':')[1]) % processes === index && loading.push(id) === 1) process.nextTick(loadAll);
      return answer;
    };
  },

  async bentocache({ cacheUrl }) {
    const driver = redisDriver({ connection: new Redis(cacheUrl) as never });
    const bento = new BentoCache({ default: 'main', stores: { main: bentostore().useL2Layer(driver) } });
    return (id) => bento.getOrSet({ key: id, ttl: ttlMs, factory: () => load(id) });
  },

  async cacheable({ cacheUrl }) {
    const cache = new Cacheable({ secondary: new KeyvRedis(cacheUrl), ttl: ttlMs });
    return (id) => cache.getOrSet(id, () => load(id));
  },

  async 'cache-manager'({ cacheUrl }) {
    const cache = createManager({ stores: [new Keyv({ store: new KeyvRedis(cacheUrl) })] });
    return (id) => cache.wrap(id, () => load(id), ttlMs);
  },

  async 'async-cache-dedupe'({ cacheUrl }) {
    const options = { client: new Redis(cacheUrl) as never };
    const cache = createDedupe({ ttl: ttlMs / 1_000, storage: { type: 'redis', options } }).define(
      'items',
      load,
    );
    return (id) => cache.items(id);
  },

  async cachified({ cacheUrl }) {
    const redis = new Redis(cacheUrl);
    const cache = {
      get: async (id: string) => JSON.parse((await redis.get(id)) ?? 'null'),
      set: (id: string, entry: unknown) => redis.set(id, JSON.stringify(entry), 'PX', ttlMs),
      delete: (id: string) => redis.del(id),
    };
    return (id) => cachified({ key: id, cache, ttl: ttlMs, getFreshValue: () => load(id) });
  },

  async keyv({ cacheUrl }) {
    const cache = new Keyv({ store: new KeyvRedis(cacheUrl) });
    return async (id) => {
      const found = await cache.get(id);
      if (found !== undefined) return found;
      const value = await load(id);
      await cache.set(id, value, ttlMs);
      return value;
    };
  },
};

let read: Read;

async function run({ name, keys, callers, at }: Stampede): Promise<{ loads: number; endedAt: number }> {
  loads = 0;
  await systemClock.sleep(at - systemClock.now());
  const answers: Promise<unknown>[] = [];
  for (let caller = 0; caller < callers; caller++)
    for (let i = 0; i < keys; i++) answers.push(read(`${name}:${i}`));
  const values = await Promise.all(answers);
  const endedAt = systemClock.now();
  values.forEach((value, i) => {
    const id = `${name}:${i % keys}`;
    if ((value as { id?: string } | undefined)?.id !== id) throw new Error(`a wrong value for ${id}`);
  });
  return { loads, endedAt };
}

serve({
  open: async (setup: StampedeSetup) => {
    read = await subjects[setup.subject]!(setup);
  },
  run,
});
