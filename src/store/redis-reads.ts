import { type Cluster, Command, type Redis } from 'ioredis';
import type { Watch } from '../connect.ts';
import { readLua } from '../files.ts';
import { calls, positionsOf } from './calls.ts';
import { isEntry, seqOf } from './entry.ts';
import { createGather, type Told } from './gather.ts';
import { type Names, partitionOf } from './names.ts';
import { createAsk } from './redis-ask.ts';
import { failure, type Guarded } from './redis-guard.ts';
import { type Asked, mostKeys, type Store } from './store.ts';

// Looked up once: at each call that takes as long as the counting.
const { byteLength } = Buffer;

interface Scripts {
  svHeadsBuffer(keys: number, ...args: string[]): Promise<Buffer[]>;
}

/** What only reads: entries that their cache's epoch has not made void. On a Cluster a command is of one partition. */
export function createRedisReads(
  redis: Redis | Cluster,
  {
    names,
    guarded,
    watch,
  }: { readonly names: Names; readonly guarded: Guarded; readonly watch: Watch | undefined },
): Pick<Store, 'get' | 'getMany' | 'heads'> {
  redis.defineCommand('svHeads', { lua: readLua('heads') });
  const scripts = redis as unknown as Scripts;
  const isApart = redis.isCluster;
  const epochOf = (cache: string, key: string): string => names.epoch(cache, key, isApart);

  /** Entries beside the epoch that they must not be older than; made of a reply. */
  const foundIn = (told: readonly (Buffer | null)[]): (Buffer | undefined)[] => {
    const epoch = told[0] ? Number(told[0]) : 0;
    const found = new Array<Buffer | undefined>(told.length - 1);
    for (let i = 0; i < found.length; i++) {
      const bytes = told[i + 1];
      if (bytes && !(epoch > 0 && isEntry(bytes) && seqOf(bytes) < epoch)) found[i] = bytes;
    }
    return found;
  };

  const ask = isApart ? undefined : createAsk(redis as Redis);
  /** The keys of a cache by one command, and as little beside it as there can be: a text that the socket takes whole. */
  const askFor = (cache: string, keys: readonly string[], told: Told): void => {
    const epoch = epochOf(cache, '');
    let text = `*${2 + keys.length}\r\n$4\r\nMGET\r\n$${byteLength(epoch)}\r\n${epoch}\r\n`;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const { entry, entryLength } = names.slot(cache, partitionOf(key));
      text += `$${entryLength + byteLength(key)}\r\n${entry}${key}\r\n`;
    }
    ask!('mget', text, (reply, error) => {
      if (error !== undefined) return told(undefined, failure(error, watch));
      watch?.ok();
      told(foundIn(reply as (Buffer | null)[]));
    });
  };

  /** On a Cluster all keys are of one partition. */
  const fetch = async (cache: string, keys: readonly string[]): Promise<readonly (Buffer | undefined)[]> => {
    if (!isApart)
      return new Promise((resolve, reject) => {
        askFor(cache, keys, (found, error) => (found ? resolve(found) : reject(error)));
      });
    const asked = [epochOf(cache, keys[0]!), ...keys.map((key) => names.entry(cache, key))];
    const command = new Command('mget', asked, { replyEncoding: null });
    return foundIn((await guarded(redis.sendCommand(command) as Promise<unknown>)) as (Buffer | null)[]);
  };
  const fetchEach = (cache: string, keys: readonly string[], told: Told): void => {
    Promise.all(keys.map(async (each) => (await fetch(cache, [each]))[0])).then(told, (error: unknown) =>
      told(undefined, error),
    );
  };
  const gathers = new Map<string, (key: string) => Asked>();
  const gathered = (cache: string, key: string): Asked => {
    let gather = gathers.get(cache);
    if (gather === undefined) {
      const send = isApart ? fetchEach : askFor;
      gather = createGather((keys, told) => send(cache, keys, told));
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
