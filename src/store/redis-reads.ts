import { type Cluster, Command, type Redis } from 'ioredis';
import { readLua } from '../files.ts';
import { calls, positionsOf } from './calls.ts';
import { isEntry, seqOf } from './entry.ts';
import { createGather } from './gather.ts';
import type { Names } from './names.ts';
import type { Guarded } from './redis-guard.ts';
import { mostKeys, type Store } from './store.ts';

interface Scripts {
  svHeadsBuffer(keys: number, ...args: string[]): Promise<Buffer[]>;
}

/** What only reads: entries that their cache's epoch has not made void. On a Cluster a command is of one partition. */
export function createRedisReads(
  redis: Redis | Cluster,
  { names, guarded }: { readonly names: Names; readonly guarded: Guarded },
): Pick<Store, 'get' | 'getMany' | 'heads'> {
  redis.defineCommand('svHeads', { lua: readLua('heads') });
  const scripts = redis as unknown as Scripts;
  const isApart = redis.isCluster;
  const epochOf = (cache: string, key: string): string => names.epoch(cache, key, isApart);

  /** On a Cluster all keys are of one partition. */
  const fetch = async (cache: string, keys: readonly string[]): Promise<(Buffer | undefined)[]> => {
    const asked = new Array<string>(keys.length + 1);
    asked[0] = epochOf(cache, keys[0]!);
    for (let i = 0; i < keys.length; i++) asked[i + 1] = names.entry(cache, keys[i]!);
    // Sent as it is: the client's own way to it costs a reader more than the rest of this.
    const command = new Command('mget', asked, { replyEncoding: null });
    const told = (await guarded(redis.sendCommand(command) as Promise<unknown>)) as (Buffer | null)[];
    const epoch = told[0] ? Number(told[0]) : 0;
    const found = new Array<Buffer | undefined>(keys.length);
    for (let i = 0; i < found.length; i++) {
      const bytes = told[i + 1];
      if (bytes && !(epoch > 0 && isEntry(bytes) && seqOf(bytes) < epoch)) found[i] = bytes;
    }
    return found;
  };
  const gathers = new Map<string, (key: string) => Promise<Buffer | undefined>>();
  const gathered = (cache: string, key: string): Promise<Buffer | undefined> => {
    let gather = gathers.get(cache);
    if (gather === undefined) {
      gather = createGather((keys) =>
        isApart ? Promise.all(keys.map(async (each) => (await fetch(cache, [each]))[0])) : fetch(cache, keys),
      );
      gathers.set(cache, gather);
    }
    return gather(key);
  };

  return {
    get: gathered,

    async getMany(cache, keys) {
      const found = new Array<Buffer | undefined>(keys.length).fill(undefined);
      const asked = Array.from(calls(keys, { keys: mostKeys, isApart }), async (call) => {
        const at = positionsOf(call);
        const bytes = await fetch(
          cache,
          at.map((position) => keys[position]!),
        );
        at.forEach((position, i) => {
          found[position] = bytes[i];
        });
      });
      await Promise.all(asked);
      return found;
    },

    async heads(cache, keys) {
      const found = new Array<Buffer | undefined>(keys.length).fill(undefined);
      for (const call of calls(keys, { keys: mostKeys, isApart })) {
        const at = positionsOf(call);
        const entries = at.map((position) => names.entry(cache, keys[position]!));
        const epoch = epochOf(cache, keys[at[0]!]!);
        const heads = await guarded(scripts.svHeadsBuffer(entries.length + 1, epoch, ...entries));
        heads.forEach((bytes, i) => {
          if (bytes.length > 0) found[at[i]!] = bytes;
        });
      }
      return found;
    },
  };
}
