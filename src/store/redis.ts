import type { Cluster, Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { isSamovarError, messageOf, SamovarError } from '../errors.ts';
import { readLua } from '../files.ts';
import type { Memory } from '../rooms.ts';
import { createGather } from './gather.ts';
import { createNames, partitionOf } from './names.ts';
import { pieces } from './pieces.ts';
import { type Begun, type Committed, type Store, storeFull } from './store.ts';

export interface RedisStoreOptions {
  /** First part of every key. */
  readonly prefix: string;
  /** The Redis key of the tag clock. */
  readonly tagsKey: string;
  readonly clock: Clock;
}

type Argument = string | number | Buffer;
interface Scripts {
  svBeginBuffer(...args: Argument[]): Promise<Buffer[]>;
  svCommit(...args: Argument[]): Promise<string>;
  svAbort(...args: Argument[]): Promise<string>;
  svHeadsBuffer(...args: Argument[]): Promise<Buffer[]>;
}

/** Most keys in one command of background work. */
const mostKeys = 128;
const letterOwn = 0x6f;
const letterBusy = 0x62;

/** Entries and leases in Redis. On a Cluster the keys of one command share a partition, elsewhere any may. */
export function createRedisStore(
  redis: Redis | Cluster,
  { prefix, tagsKey, clock }: RedisStoreOptions,
): Store {
  const names = createNames(prefix);
  redis.defineCommand('svBegin', { lua: readLua('begin') });
  redis.defineCommand('svCommit', { lua: readLua('commit') });
  redis.defineCommand('svAbort', { lua: readLua('abort') });
  redis.defineCommand('svHeads', { lua: readLua('heads') });
  const scripts = redis as unknown as Scripts;

  /** The positions of keys that may share a command. */
  function* groups(count: number, keyAt: (index: number) => string, most = mostKeys): Generator<number[]> {
    const open = new Map<number, number[]>();
    for (let i = 0; i < count; i++) {
      const slot = redis.isCluster ? partitionOf(keyAt(i)) : 0;
      const group = open.get(slot);
      if (group === undefined) open.set(slot, [i]);
      else if (group.push(i) === most) {
        open.delete(slot);
        yield group;
      }
    }
    yield* open.values();
  }
  const groupsOf = (keys: readonly string[]) => groups(keys.length, (index) => keys[index]!);

  const fetch = async (entries: string[]): Promise<(Buffer | undefined)[]> => {
    try {
      if (entries.length === 1) return [(await redis.getBuffer(entries[0]!)) ?? undefined];
      const found = await redis.mgetBuffer(entries);
      return found.map((bytes) => bytes ?? undefined);
    } catch (error) {
      throw storeError(error);
    }
  };
  const gathered = createGather((entries) =>
    redis.isCluster ? Promise.all(entries.map(async (entry) => (await fetch([entry]))[0])) : fetch(entries),
  );

  const abort = async (cache: string, keys: readonly string[], token: string): Promise<boolean[]> => {
    const held: boolean[] = new Array(keys.length);
    for (const group of groupsOf(keys)) {
      const leases = group.map((index) => names.lease(cache, keys[index]!));
      const letters = await guarded(scripts.svAbort(leases.length, ...leases, token));
      group.forEach((index, i) => {
        held[index] = letters[i] === 'o';
      });
    }
    return held;
  };

  return {
    get: (cache, key) => gathered(names.entry(cache, key)),

    async getMany(cache, keys) {
      const found = new Array<Buffer | undefined>(keys.length).fill(undefined);
      const asked = Array.from(groupsOf(keys), async (group) => {
        const bytes = await fetch(group.map((index) => names.entry(cache, keys[index]!)));
        group.forEach((index, i) => {
          found[index] = bytes[i];
        });
      });
      await Promise.all(asked);
      return found;
    },

    async heads(cache, keys) {
      const found = new Array<Buffer | undefined>(keys.length).fill(undefined);
      for (const group of groupsOf(keys)) {
        const entries = group.map((index) => names.entry(cache, keys[index]!));
        const heads = await guarded(scripts.svHeadsBuffer(entries.length, ...entries));
        heads.forEach((bytes, i) => {
          if (bytes.length > 0) found[group[i]!] = bytes;
        });
      }
      return found;
    },

    async begin(cache, keys, lease, { want, past }) {
      const begun: Begun[] = new Array(keys.length);
      try {
        for (const group of groupsOf(keys)) {
          const args: Argument[] = [2 * group.length];
          for (const index of group) names.push(args, cache, keys[index]!);
          args.push(lease.token, lease.ms, want);
          if (past) for (const index of group) args.push(past[index] ?? '');
          const [letters, ...entries] = await guarded(scripts.svBeginBuffer(...args));
          let entry = 0;
          for (let i = 0; i < group.length; i++) {
            const letter = letters![i];
            begun[group[i]!] =
              letter === letterOwn ? 'own' : letter === letterBusy ? 'busy' : entries[entry++]!;
          }
        }
      } catch (error) {
        if (isFull(error)) await abort(cache, keys, lease.token);
        throw error;
      }
      return begun;
    },

    async commit(batch, drafts, pace) {
      const done: Committed[] = new Array(drafts.length).fill('full');
      const isTagged = batch.isTagged && !redis.isCluster;
      const all = groups(drafts.length, (index) => drafts[index]!.key, Number.POSITIVE_INFINITY);
      try {
        for (const piece of pieces(batch, drafts, all)) {
          const args: Argument[] = [2 * piece.drafts.length + (isTagged ? 1 : 0)];
          for (const index of piece.drafts) names.push(args, batch.cache, drafts[index]!.key);
          if (isTagged) args.push(tagsKey);
          args.push(batch.token, piece.records, isTagged ? '1' : '0');
          const from = clock.elapsed();
          const letters = await guarded(scripts.svCommit(...args));
          for (let i = 0; i < piece.drafts.length; i++)
            done[piece.drafts[i]!] = letters[i] === 'w' ? 'written' : 'lost';
          await pace?.(clock.elapsed() - from);
        }
      } catch (error) {
        if (!isFull(error)) throw error;
        const left = drafts.filter((_, index) => done[index] === 'full').map(({ key }) => key);
        await abort(batch.cache, left, batch.token);
      }
      return done;
    },

    abort,

    async delete(cache, keys) {
      for (const group of groupsOf(keys)) {
        const both: string[] = [];
        for (const index of group) names.push(both, cache, keys[index]!);
        await guarded(redis.unlink(...both));
      }
    },

    async memory() {
      const nodes = redis.isCluster ? (redis as Cluster).nodes('master') : [redis as Redis];
      const all = await Promise.all(nodes.map((node) => guarded(memoryOf(node))));
      const fullness = ({ usedBytes, maxBytes }: Memory) => (maxBytes === 0 ? 0 : usedBytes / maxBytes);
      const fullest = all.reduce((a, b) => (fullness(b) > fullness(a) ? b : a));
      return { ...fullest, evicted: all.reduce((sum, { evicted }) => sum + evicted, 0) };
    },
  };
}

async function memoryOf(redis: Redis): Promise<Memory> {
  const info = `${await redis.info('memory')}${await redis.info('stats')}`;
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  return {
    usedBytes: Number(field('used_memory')),
    maxBytes: Number(field('maxmemory')),
    evicted: Number(field('evicted_keys')),
    policy: field('maxmemory_policy'),
  };
}

async function guarded<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw storeError(error);
  }
}

const isFull = (error: unknown): boolean => isSamovarError(error) && error.code === 'E_STORE_FULL';

function storeError(error: unknown): SamovarError {
  const reason = messageOf(error);
  if (/^OOM\b/.test(reason)) return storeFull(error);
  return new SamovarError('E_STORE_UNAVAILABLE', `the cache Redis does not answer: ${reason}`, {
    hints: ['see that it runs and is reachable: samovar doctor'],
    cause: error,
  });
}
