import type { Cluster, Redis } from 'ioredis';
import type { Watch } from '../connect.ts';
import { readLua } from '../files.ts';
import type { Voice } from '../rooms.ts';
import { type Call, calls, positionsOf } from './calls.ts';
import { entryBytes, writeEntry } from './entry.ts';
import { createNames, partitions } from './names.ts';
import { createGuarded, isFull } from './redis-guard.ts';
import { createMemory } from './redis-memory.ts';
import { createRedisReads } from './redis-reads.ts';
import { createScript } from './redis-script.ts';
import type { CommandBytes } from './resp.ts';
import { type Batch, type Begun, type Committed, type Draft, mostKeys, type Store } from './store.ts';

export interface RedisStoreOptions {
  /** First part of every key. */
  readonly prefix: string;
  /** The Redis key of the tag clock. */
  readonly tagsKey: string;
  /** Where it is told what happens to entries. @default nowhere */
  readonly voice?: Voice;
  readonly watch?: Watch;
  /** By cache: for how many ms after a change loads may read what was before. @default nowhere */
  readonly holdOffs?: ReadonlyMap<string, number>;
}

interface Scripts {
  svAbort(keys: number, ...args: string[]): Promise<string>;
  svDelete(keys: number, ...args: string[]): Promise<number>;
  svClear(keys: number, ...args: string[]): Promise<number>;
  svInvalidate(keys: 1, clock: string, ...args: string[]): Promise<string>;
  svExpire(keys: number, ...args: string[]): Promise<unknown>;
  svTouch(keys: number, ...args: (string | number | Buffer)[]): Promise<unknown>;
}

/** Bytes of entries in one command, unless the pace says otherwise. */
const usualPieceBytes = 65_536;
const letters = { own: 0x6f, busy: 0x62, held: 0x68, written: 0x77 } as const;
const begunBy = new Map<number, Begun>([
  [letters.own, 'own'],
  [letters.busy, 'busy'],
  [letters.held, 'held'],
]);
const nothing = Buffer.alloc(0);
/** For commands that no reader waits for: a worker that is at its limits is not taken for a server that is away. */
const patienceMs = 2_000;

/** Entries and leases in Redis. On a Cluster the keys of one command share a partition, elsewhere any may. */
export function createRedisStore(
  redis: Redis | Cluster,
  { prefix, tagsKey, voice, watch, holdOffs }: RedisStoreOptions,
): Store {
  const { channel, origin } = voice ?? { channel: '', origin: '' };
  const guarded = createGuarded(watch);
  const names = createNames(prefix);
  const begin = createScript(redis, 'begin');
  const commit = createScript(redis, 'commit');
  const set = createScript(redis, 'set');
  for (const name of ['Abort', 'Clear', 'Delete', 'Expire', 'Touch'])
    redis.defineCommand(`sv${name}`, { lua: readLua(name.toLowerCase()) });
  redis.defineCommand('svInvalidate', { lua: readLua('tags-invalidate') });
  const scripts = redis as unknown as Scripts;
  const isApart = redis.isCluster;
  const memory = createMemory(redis);
  const holdOffOf = (cache: string): number => holdOffs?.get(cache) ?? 0;

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
  /** For scripts that take the leases and entries of one partition. */
  const inPartition = (cache: string, { segments, keys: count }: Call, keys: readonly string[]) => {
    const { partition, at } = segments[0]!;
    const { leases, entry } = names.slot(cache, partition);
    return { count: count + 1, keys: [leases, ...at.map((position) => entry + keys[position]!)], at };
  };

  const epochOf = (cache: string, key: string): string => names.epoch(cache, key, isApart);

  const abort: Store['abort'] = async (cache, keys, token, restMs) => {
    const held: boolean[] = new Array(keys.length);
    for (const call of calls(keys, { keys: mostKeys, isApart: true })) {
      const { count, keys: all, at } = inPartition(cache, call, keys);
      const rest = restMs === undefined ? [] : [String(restMs)];
      const told = await guarded(scripts.svAbort(count, ...all, token, channel, origin, ...rest));
      at.forEach((position, i) => {
        held[position] = told[i] === 'o';
      });
    }
    return held;
  };

  return {
    ...createRedisReads(redis, { names, guarded, watch }),

    async begin(cache, keys, lease, { want, past, waits = false }) {
      const begun: Begun[] = new Array(keys.length);
      const ask = async (call: Call): Promise<void> => {
        const at = positionsOf(call);
        const reply = begin({
          keys: call.keys + call.segments.length + 1,
          args: 5 + call.segments.length + (past ? call.keys : 0),
          key: names.entry(cache, keys[at[0]!]!),
          size: 64 * call.keys,
          ...(want === 'value' ? {} : { patienceMs }),
          writeKeys(into) {
            writeKeys(into, cache, call, keys);
            into.text(epochOf(cache, keys[at[0]!]!));
          },
          writeArgs(into) {
            into.text(lease.token);
            into.number(lease.ms);
            into.text(want);
            into.text(`${waits ? 'w' : ''}${holdOffOf(cache) > 0 ? 'h' : ''}`);
            writeCounts(into, call);
            if (past) for (const position of at) into.bytes(past[position] ?? nothing);
          },
        });
        const [told, ...entries] = (await guarded(reply)) as Buffer[];
        let entry = 0;
        for (let i = 0; i < at.length; i++) {
          const letter = told![i];
          begun[at[i]!] = (letter !== undefined && begunBy.get(letter)) || entries[entry++]!;
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
          keys: call.keys + call.segments.length + (isTagged ? 2 : 1),
          args: 6 + call.segments.length + 2 * call.keys,
          key: names.entry(batch.cache, keys[at[0]!]!),
          size: call.bytes + 100 * call.keys,
          patienceMs,
          writeKeys(into) {
            writeKeys(into, batch.cache, call, keys);
            if (isTagged) into.text(tagsKey);
            into.text(epochOf(batch.cache, keys[at[0]!]!));
          },
          writeArgs(into) {
            into.text(batch.token);
            into.text(isTagged ? '1' : '0');
            into.text(channel);
            into.text(origin);
            into.number(holdOffOf(batch.cache));
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

    async set(batch, drafts) {
      const keys = drafts.map(({ key }) => key);
      const write = async (call: Call): Promise<void> => {
        const at = positionsOf(call);
        const reply = set({
          keys: call.keys + call.segments.length + 1,
          args: 5 + call.segments.length + 2 * call.keys,
          key: names.entry(batch.cache, keys[at[0]!]!),
          size: call.bytes + 100 * call.keys,
          writeKeys(into) {
            writeKeys(into, batch.cache, call, keys);
            into.text(epochOf(batch.cache, keys[at[0]!]!));
          },
          writeArgs(into) {
            into.text(channel);
            into.text(origin);
            into.text(batch.isTagged ? '1' : '0');
            into.number(holdOffOf(batch.cache));
            writeCounts(into, call);
            for (const position of at) writeDraft(into, batch, drafts[position]!);
          },
        });
        await guarded(reply);
      };
      const limits = { keys: mostKeys, bytes: usualPieceBytes, isApart };
      await settled(
        Array.from(
          calls(keys, limits, (position) => entryBytes(drafts[position]!)),
          write,
        ),
      );
    },

    async expire(cache, keys) {
      for (const call of calls(keys, { keys: mostKeys, isApart: true })) {
        const { count, keys: all } = inPartition(cache, call, keys);
        await guarded(scripts.svExpire(count, ...all, channel, origin, String(holdOffOf(cache))));
      }
    },

    async touch(cache, touches) {
      const keys = touches.map(({ key }) => key);
      for (const call of calls(keys, { keys: mostKeys, isApart: true })) {
        const { keys: all, at } = inPartition(cache, call, keys);
        const args = at.flatMap((position) => {
          const { past, at, ttlMs, graceMs, renewed } = touches[position]!;
          const { plan, row } = renewed ?? { plan: 0, row: 0 };
          return [past, at + ttlMs, at + ttlMs + graceMs, ttlMs + graceMs, renewed ? at : '', plan, row];
        });
        await guarded(scripts.svTouch(at.length, ...all.slice(1), ...args));
      }
    },

    async delete(cache, keys) {
      for (const { segments, keys: count } of calls(keys, { keys: mostKeys, isApart })) {
        const all = segments.flatMap(({ partition, at }) => {
          const { leases, entry } = names.slot(cache, partition);
          return [leases, ...at.map((position) => entry + keys[position]!)];
        });
        const counts = segments.map(({ at }) => String(at.length));
        const args = [channel, origin, String(holdOffOf(cache)), String(segments.length), ...counts];
        await guarded(scripts.svDelete(count + segments.length, ...all, ...args));
      }
    },

    async clear(cache) {
      const seq = await guarded(scripts.svInvalidate(1, tagsKey, '', '', 'purge', ''));
      const all = Array.from({ length: partitions }, (_, partition) => names.slot(cache, partition));
      const args = [seq, channel, origin, cache, String(holdOffOf(cache))];
      if (isApart) {
        for (const { epoch, leases } of all) await guarded(scripts.svClear(2, epoch, leases, ...args));
      } else {
        const leases = all.map((slot) => slot.leases);
        await guarded(scripts.svClear(1 + partitions, all[0]!.epoch, ...leases, ...args));
      }
    },

    memory: () => guarded(memory()),
  };
}

function writeDraft(into: CommandBytes, batch: Omit<Batch, 'token'>, draft: Draft): void {
  const { ttlMs, graceMs } = draft;
  into.number(ttlMs + graceMs);
  const at = into.open(entryBytes(draft));
  const freshUntil = batch.filledAt + ttlMs;
  into.close(writeEntry(into.into, at, batch, freshUntil, freshUntil + graceMs, draft));
}

/** Waits for all, then throws what the first of them threw. */
async function settled(all: readonly Promise<unknown>[]): Promise<void> {
  for (const each of await Promise.allSettled(all)) if (each.status === 'rejected') throw each.reason;
}
