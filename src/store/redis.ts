import type { Cluster, Redis } from 'ioredis';
import { isSamovarError, messageOf, SamovarError } from '../errors.ts';
import { readLua } from '../files.ts';
import type { Voice } from '../rooms.ts';
import { type Call, calls } from './calls.ts';
import { entryBytes, writeEntry } from './entry.ts';
import { createGather } from './gather.ts';
import { createNames } from './names.ts';
import { memoryOf } from './redis-memory.ts';
import { createScript } from './redis-script.ts';
import type { CommandBytes } from './resp.ts';
import { type Batch, type Begun, type Committed, type Draft, type Store, storeFull } from './store.ts';

export interface RedisStoreOptions {
  /** First part of every key. */
  readonly prefix: string;
  /** The Redis key of the tag clock. */
  readonly tagsKey: string;
  /** Where it is told what happens to entries. @default nowhere */
  readonly voice?: Voice;
}

interface Scripts {
  svAbort(keys: number, ...args: string[]): Promise<string>;
  svDelete(keys: number, ...args: string[]): Promise<number>;
  svHeadsBuffer(keys: number, ...args: string[]): Promise<Buffer[]>;
}

/** Most keys in one command: few, so that readers of the same server hardly wait. */
const mostKeys = 256;
/** Bytes of entries in one command, unless the pace says otherwise. */
const usualPieceBytes = 32_768;
const letters = { own: 0x6f, busy: 0x62, written: 0x77 } as const;
const nothing = Buffer.alloc(0);

/** Entries and leases in Redis. On a Cluster the keys of one command share a partition, elsewhere any may. */
export function createRedisStore(
  redis: Redis | Cluster,
  { prefix, tagsKey, voice }: RedisStoreOptions,
): Store {
  const { channel, origin } = voice ?? { channel: '', origin: '' };
  const names = createNames(prefix);
  const begin = createScript(redis, 'begin');
  const commit = createScript(redis, 'commit');
  for (const name of ['Abort', 'Delete', 'Heads'])
    redis.defineCommand(`sv${name}`, { lua: readLua(name.toLowerCase()) });
  const scripts = redis as unknown as Scripts;
  const isApart = redis.isCluster;

  /** The leases of each partition, then its entries. */
  const writeKeys = (
    into: CommandBytes,
    cache: string,
    { segments }: Call,
    keys: readonly string[],
  ): void => {
    for (const { partition, at } of segments) {
      const { leases, entry } = names.slot(cache, partition);
      into.text(leases);
      for (const position of at) into.joined(entry, keys[position]!);
    }
  };
  const writeCounts = (into: CommandBytes, { segments }: Call): void => {
    into.number(segments.length);
    for (const { at } of segments) into.number(at.length);
  };
  const positionsOf = ({ segments }: Call): number[] =>
    segments.length === 1 ? segments[0]!.at : segments.flatMap(({ at }) => at);

  /** For scripts that take the leases and entries of one partition. */
  const inPartition = (cache: string, { segments, keys: count }: Call, keys: readonly string[]) => {
    const { partition, at } = segments[0]!;
    const { leases, entry } = names.slot(cache, partition);
    return { count: count + 1, keys: [leases, ...at.map((position) => entry + keys[position]!)], at };
  };

  const fetch = async (entries: string[]): Promise<(Buffer | undefined)[]> => {
    if (entries.length === 1) return [(await guarded(redis.getBuffer(entries[0]!))) ?? undefined];
    const found = await guarded(redis.mgetBuffer(entries));
    return found.map((bytes) => bytes ?? undefined);
  };
  const gathered = createGather((entries) =>
    isApart ? Promise.all(entries.map(async (entry) => (await fetch([entry]))[0])) : fetch(entries),
  );

  const abort: Store['abort'] = async (cache, keys, token) => {
    const held: boolean[] = new Array(keys.length);
    for (const call of calls(keys, { keys: mostKeys, isApart: true })) {
      const { count, keys: all, at } = inPartition(cache, call, keys);
      const told = await guarded(scripts.svAbort(count, ...all, token, channel, origin));
      at.forEach((position, i) => {
        held[position] = told[i] === 'o';
      });
    }
    return held;
  };

  return {
    get: (cache, key) => gathered(names.entry(cache, key)),

    async getMany(cache, keys) {
      const found = new Array<Buffer | undefined>(keys.length).fill(undefined);
      const asked = Array.from(calls(keys, { keys: mostKeys, isApart }), async (call) => {
        const at = positionsOf(call);
        const bytes = await fetch(at.map((position) => names.entry(cache, keys[position]!)));
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
        const heads = await guarded(scripts.svHeadsBuffer(entries.length, ...entries));
        heads.forEach((bytes, i) => {
          if (bytes.length > 0) found[at[i]!] = bytes;
        });
      }
      return found;
    },

    async begin(cache, keys, lease, { want, past, waits = false }) {
      const begun: Begun[] = new Array(keys.length);
      const ask = async (call: Call): Promise<void> => {
        const at = positionsOf(call);
        const reply = begin({
          keys: call.keys + call.segments.length,
          args: 5 + call.segments.length + (past ? call.keys : 0),
          key: names.entry(cache, keys[at[0]!]!),
          size: 64 * call.keys,
          writeKeys: (into) => writeKeys(into, cache, call, keys),
          writeArgs(into) {
            into.text(lease.token);
            into.number(lease.ms);
            into.text(want);
            into.text(waits ? '1' : '0');
            writeCounts(into, call);
            if (past) for (const position of at) into.bytes(past[position] ?? nothing);
          },
        });
        const [told, ...entries] = (await guarded(reply)) as Buffer[];
        let entry = 0;
        for (let i = 0; i < at.length; i++) {
          const letter = told![i];
          begun[at[i]!] =
            letter === letters.own ? 'own' : letter === letters.busy ? 'busy' : entries[entry++]!;
        }
      };
      try {
        await settled(Array.from(calls(keys, { keys: mostKeys, isApart }), ask));
      } catch (error) {
        if (isFull(error)) await abort(cache, keys, lease.token);
        throw error;
      }
      return begun;
    },

    async commit(batch, drafts, { pace, heard } = {}) {
      const done: Committed[] = new Array(drafts.length).fill('full');
      const keys = drafts.map(({ key }) => key);
      const isTagged = batch.isTagged && !isApart;
      const limits = { keys: mostKeys, bytes: pace?.pieceBytes ?? usualPieceBytes, isApart };
      const write = async (call: Call): Promise<{ servedAt: number }> => {
        const at = positionsOf(call);
        const reply = commit({
          keys: call.keys + call.segments.length + (isTagged ? 1 : 0),
          args: 5 + call.segments.length + 2 * call.keys,
          key: names.entry(batch.cache, keys[at[0]!]!),
          size: call.bytes + 100 * call.keys,
          writeKeys(into) {
            writeKeys(into, batch.cache, call, keys);
            if (isTagged) into.text(tagsKey);
          },
          writeArgs(into) {
            into.text(batch.token);
            into.text(isTagged ? '1' : '0');
            into.text(channel);
            into.text(origin);
            writeCounts(into, call);
            for (const position of at) writeDraft(into, batch, drafts[position]!);
          },
          heard(reply) {
            const [told] = reply as Buffer[];
            for (let i = 0; i < at.length; i++) {
              const result = told![i] === letters.written ? 'written' : 'lost';
              done[at[i]!] = result;
              heard?.(at[i]!, result);
            }
          },
        });
        const [, servedAt] = (await guarded(reply)) as Buffer[];
        return { servedAt: Number(servedAt) };
      };
      try {
        const pieces = calls(keys, limits, (position) => entryBytes(drafts[position]!));
        await settled(Array.from(pieces, (call) => (pace ? pace.run(() => write(call)) : write(call))));
      } catch (error) {
        if (!isFull(error)) throw error;
        const left = keys.filter((_, position) => done[position] === 'full');
        await abort(batch.cache, left, batch.token);
      }
      return done;
    },

    abort,

    async delete(cache, keys) {
      for (const call of calls(keys, { keys: mostKeys, isApart: true })) {
        const { count, keys: all } = inPartition(cache, call, keys);
        await guarded(scripts.svDelete(count, ...all, channel, origin));
      }
    },

    memory: () => guarded(memoryOf(redis)),
  };
}

function writeDraft(into: CommandBytes, batch: Batch, draft: Draft): void {
  const { ttlMs, row, tags, text, bytes } = draft;
  into.number(ttlMs);
  const at = into.open(entryBytes({ tags, bytes }));
  into.close(writeEntry(into.into, at, batch, batch.filledAt + ttlMs, row, tags, text));
}

/** Waits for all, then throws what the first of them threw. */
async function settled(all: readonly Promise<unknown>[]): Promise<void> {
  for (const each of await Promise.allSettled(all)) if (each.status === 'rejected') throw each.reason;
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
