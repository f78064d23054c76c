import { cachified } from '@epic-web/cachified';
import KeyvRedis, { createKeyv } from '@keyv/redis';
import { createCache as createDedupe } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { redisDriver } from 'bentocache/drivers/redis';
import { createCache as createManager } from 'cache-manager';
import { Cacheable } from 'cacheable';
import { Redis } from 'ioredis';
import Keyv from 'keyv';
import { Loader, RedisCache } from 'layered-loader';
import { createClient } from '../../src/client.ts';
import { defineConfig } from '../../src/config.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import type { PeerName } from './peer-names.ts';

/** A cache in Redis as its users have it: its own defaults, values in Redis alone. */
export interface PeerCache {
  getOrLoad(id: string): Promise<unknown>;
  delete(id: string): Promise<unknown>;
  /** Every value carries one and the same tag. */
  tag?(): Promise<unknown>;
  clear?(): Promise<unknown>;
  close(): unknown;
}

export interface PeerOptions {
  readonly cacheUrl: string;
  readonly queueUrl: string;
  /** Where a cache takes a client of ours: one that fails fast, instead of one that waits for ever. @default false */
  readonly failsFast?: boolean;
  /** What a miss costs. */
  load(id: string): Promise<unknown>;
}

/** Longer than any bench. */
const ttlMs = 3_600_000;
const tag = 'all';
const connect = ({ cacheUrl, failsFast = false }: PeerOptions): Redis =>
  quiet(
    failsFast
      ? new Redis(cacheUrl, { commandTimeout: 250, enableOfflineQueue: false, maxRetriesPerRequest: 1 })
      : new Redis(cacheUrl),
  );
/** What goes wrong is told by what fails. */
const quiet = (redis: Redis): Redis => redis.on('error', () => {});

/** Plain commands with a loader, as one writes them by hand. */
const byHand = (redis: Redis, { load }: PeerOptions): PeerCache => ({
  async getOrLoad(id) {
    const found = await redis.get(id);
    if (found !== null) return JSON.parse(found) as unknown;
    const value = await load(id);
    await redis.set(id, JSON.stringify(value), 'PX', ttlMs);
    return value;
  },
  delete: (id) => redis.del(id),
  clear: () => redis.flushdb(),
  close: () => redis.disconnect(),
});

/** All of them, by the names of their packages. */
export const peerCaches: Readonly<Record<PeerName, (options: PeerOptions) => Promise<PeerCache>>> = {
  async samovar({ cacheUrl, queueUrl, load }) {
    const options = { origin: defineOrigin('items'), key: key.string, ttl: ttlMs };
    const loadAll = async (ids: readonly string[]) =>
      new Map(await Promise.all(ids.map(async (id) => [id, await load(id)] as const)));
    const plain = defineCache('items', { ...options, load: loadAll });
    const tagged = defineCache('tagged', { ...options, load: loadAll, tags: () => [tag] });
    const client = await createClient(
      defineConfig({
        redis: cacheUrl,
        queueRedis: queueUrl,
        caches: [plain, tagged],
        log: { level: 'silent' },
      }),
    );
    const cache = client.cache(plain);
    const labelled = client.cache(tagged);
    return {
      getOrLoad: (id) => (id.startsWith('tag:') ? labelled : cache).get(id),
      delete: (id) => cache.delete(id),
      tag: () => client.invalidate({ tags: [tag] }),
      clear: () => client.invalidate({ cache: 'items', all: true }),
      close: () => client.stop(),
    };
  },

  ioredis: async (options) => byHand(connect(options), options),

  'ioredis, auto-pipelining': async (options) =>
    byHand(quiet(new Redis(options.cacheUrl, { enableAutoPipelining: true })), options),

  async bentocache(options) {
    const { load } = options;
    const driver = redisDriver({ connection: connect(options) as never });
    const bento = new BentoCache({ default: 'main', stores: { main: bentostore().useL2Layer(driver) } });
    return {
      getOrLoad: (id) =>
        bento.getOrSet({
          key: id,
          ttl: ttlMs,
          factory: () => load(id),
          ...(id.startsWith('tag:') ? { tags: [tag] } : {}),
        }),
      delete: (id) => bento.delete({ key: id }),
      tag: () => bento.deleteByTag({ tags: [tag] }),
      clear: () => bento.clear(),
      close: () => bento.disconnectAll(),
    };
  },

  async cacheable({ cacheUrl, load }) {
    // Redis as its first store: its memory would answer instead.
    const store = new Keyv({ store: new KeyvRedis(cacheUrl) });
    store.on('error', () => {});
    const cache = new Cacheable({ primary: store, ttl: ttlMs });
    cache.on('error', () => {});
    return {
      getOrLoad: (id) => cache.getOrSet(id, () => load(id)),
      delete: (id) => cache.delete(id),
      clear: () => cache.clear(),
      close: () => cache.disconnect(),
    };
  },

  async 'cache-manager'({ cacheUrl, load }) {
    const store = new Keyv({ store: new KeyvRedis(cacheUrl) });
    store.on('error', () => {});
    const cache = createManager({ stores: [store] });
    return {
      getOrLoad: (id) => cache.wrap(id, () => load(id), ttlMs),
      delete: (id) => cache.del(id),
      clear: () => cache.clear(),
      close: () => cache.disconnect(),
    };
  },

  async 'async-cache-dedupe'(options) {
    const { load } = options;
    const client = connect(options);
    const cache = createDedupe({
      ttl: ttlMs / 1_000,
      storage: { type: 'redis', options: { client: client as never } },
    }).define('items', { references: () => [tag] }, load);
    return {
      getOrLoad: (id) => cache.items(id),
      delete: (id) => cache.clear('items', id),
      tag: () => cache.invalidateAll(tag),
      clear: () => cache.clear('items'),
      close: () => client.disconnect(),
    };
  },

  async cachified(options) {
    const { load } = options;
    const redis = connect(options);
    const cache = {
      get: async (id: string) => JSON.parse((await redis.get(id)) ?? 'null'),
      set: (id: string, entry: unknown) => redis.set(id, JSON.stringify(entry), 'PX', ttlMs),
      delete: (id: string) => redis.del(id),
    };
    return {
      getOrLoad: (id) => cachified({ key: id, cache, ttl: ttlMs, getFreshValue: () => load(id) }),
      delete: (id) => redis.del(id),
      clear: () => redis.flushdb(),
      close: () => redis.disconnect(),
    };
  },

  async 'layered-loader'(options) {
    const { load } = options;
    const redis = connect(options);
    const loader = new Loader({
      asyncCache: new RedisCache(redis as never, { json: true, ttlInMsecs: ttlMs }),
      dataSources: [{ name: 'items', get: load, getMany: (ids: string[]) => Promise.all(ids.map(load)) }],
      logger: { error() {} },
    });
    return {
      getOrLoad: (id) => loader.get(id),
      delete: (id) => loader.invalidateCacheFor(id),
      clear: () => loader.invalidateCache(),
      close: () => redis.disconnect(),
    };
  },

  async keyv({ cacheUrl, load }) {
    const cache = createKeyv(cacheUrl);
    cache.on('error', () => {});
    return {
      async getOrLoad(id) {
        const found: unknown = await cache.get(id);
        if (found !== undefined) return found;
        const value = await load(id);
        await cache.set(id, value, ttlMs);
        return value;
      },
      delete: (id) => cache.delete(id),
      clear: () => cache.clear(),
      close: () => cache.disconnect(),
    };
  },
};
