import { randomUUID } from 'node:crypto';
import type { Redis } from '../connect.ts';
import type { DirtyLedger } from '../dirty-shapes.ts';
import { SamovarError } from '../errors.ts';
import { readLua } from '../files.ts';
import type { Claim, Dirty, DirtyEntry, DirtyRow } from './dirty.ts';
import { anyEntryOf, rowOf } from './entry.ts';
import { groupBy } from './group.ts';
import { createDirtyNames } from './names.ts';
import { pack, unpack } from './packed.ts';
import { bufferAway } from './redis-errors.ts';
import { createRedisFacts } from './redis-facts.ts';
import { createRedisLetters } from './redis-letters.ts';
import { createRedisWrites, type Level } from './redis-write.ts';
import type { CachedNames } from './write-arguments.ts';

export interface RedisDirtyOptions {
  /** First part of every key. */
  readonly prefix: string;
  /** @default 64 */
  readonly partitions?: number;
  /** What acknowledgement waits for besides the buffer itself. @default nothing */
  readonly levelOf?: (cache: string) => Level | undefined;
  /** Where the cache is in the same database of the same Redis, a write forgets what is cached of its key at once. */
  readonly cachedOf?: ((cache: string, key: string) => CachedNames) | undefined;
}

type Arg = string | number | Buffer;
interface Scripts {
  dirtyWatchBuffer(keys: 2, ...args: Arg[]): Promise<[word: Buffer, entry: Buffer | null]>;
  dirtyVersion(keys: number, ...args: Arg[]): Promise<string[]>;
  dirtyLease(keys: number, ...args: Arg[]): Promise<number[]>;
  dirtyRelease(keys: number, ...args: Arg[]): Promise<number>;
  dirtyClaimBuffer(keys: number, ...args: Arg[]): Promise<(Buffer | number)[]>;
  dirtyAck(keys: number, ...args: Arg[]): Promise<number>;
  dirtyLedger(keys: number, ...args: Arg[]): Promise<string[]>;
}

const defaultPartitions = 64;
const watchMs = 60_000;
/** Of large values less is read at once, so that neither side holds too much of them. */
const mostClaimedBytes = 4 * 1024 * 1024;

/** The dirty buffer in Redis. One script spans partitions; their names are made so that each could have its own slot. */
export function createRedisDirty(
  redis: Redis,
  { prefix, partitions = defaultPartitions, levelOf = () => undefined, cachedOf }: RedisDirtyOptions,
): Dirty {
  const names = createDirtyNames(prefix, partitions, redis.isCluster);
  for (const name of ['Watch', 'Version', 'Lease', 'Release', 'Claim', 'Ack', 'Ledger'])
    redis.defineCommand(`dirty${name}`, { lua: readLua(`dirty-${name.toLowerCase()}`) });
  const scripts = redis as unknown as Scripts;
  const all = Array.from({ length: partitions }, (_, p) => p);

  const ask = async <T>(question: Promise<T>): Promise<T> => {
    try {
      return await question;
    } catch (error) {
      throw bufferAway(error);
    }
  };

  return {
    partitions,
    partitionOf: names.partitionOf,
    ...createRedisWrites(redis, { names, levelOf, cachedOf }),
    ...createRedisLetters(redis, { names, partitions, ask }),
    facts: createRedisFacts(redis, ask),

    async open() {
      await ask(redis.hsetnx(names.meta, 'partitions', partitions));
      await ask(redis.hsetnx(names.meta, 'id', randomUUID()));
      const [kept, id] = await ask(redis.hmget(names.meta, 'partitions', 'id'));
      if (Number(kept) === partitions) return { id: id! };
      throw new SamovarError(
        'E_BUFFER',
        `the buffer was made with ${kept} partitions, and this build has ${partitions}: keys would be looked for where they are not`,
        { hints: ['run the version that made it until nothing is dirty, then: samovar flush --wait'] },
      );
    },

    async watch(cache, key, word) {
      const { entries, watches } = names.of(cache, names.partitionOf(key));
      const [there, bytes] = await ask(scripts.dirtyWatchBuffer(2, entries, watches, key, word, watchMs));
      return { word: String(there), entry: bytes === null ? undefined : anyEntryOf(bytes) };
    },

    async version(cache, key) {
      const { state } = names.of(cache, names.partitionOf(key));
      const [version] = await ask(scripts.dirtyVersion(1, state, 0));
      return Number(version);
    },

    async read(cache, keys) {
      const groups = groupBy(keys.keys(), (i) => names.partitionOf(keys[i]!));
      const found: (DirtyEntry | undefined)[] = new Array(keys.length).fill(undefined);
      await ask(
        Promise.all(
          Array.from(groups, async ([partition, at]) => {
            const fields = at.map((i) => keys[i]!);
            const told = await redis.hmgetBuffer(names.of(cache, partition).entries, ...fields);
            at.forEach((position, i) => {
              const bytes = told[i];
              if (bytes) found[position] = anyEntryOf(bytes);
            });
          }),
        ),
      );
      return found;
    },

    async lease(cache, holder, ms) {
      const keys = all.flatMap((p) => [names.of(cache, p).lease, names.of(cache, p).entries]);
      return ask(scripts.dirtyLease(keys.length, ...keys, holder, Math.ceil(ms)));
    },

    async release(cache, holder) {
      const keys = all.map((p) => names.of(cache, p).lease);
      await ask(scripts.dirtyRelease(keys.length, ...keys, holder));
    },

    async raise(cache, floors) {
      if (floors.size === 0) return;
      const keys = Array.from(floors.keys(), (p) => names.of(cache, p).state);
      await ask(scripts.dirtyVersion(keys.length, ...keys, ...floors.values()));
    },

    async claim(cache, { partitions: wanted, most, olderThanMs, skip }) {
      const keys = wanted.flatMap((p) => {
        const { entries, index, state } = names.of(cache, p);
        return [entries, index, state];
      });
      const skips = wanted.map((p) => skip?.get(p) ?? 0);
      const us = Math.round(olderThanMs * 1_000);
      const told = await ask(
        scripts.dirtyClaimBuffer(keys.length, ...keys, most, mostClaimedBytes, us, ...skips),
      );
      return claimOf(told, wanted);
    },

    async ack(cache, rows, claimedAt, seen) {
      if (rows.length === 0) return 0;
      const groups = groupBy(rows, ({ partition }) => partition);
      const keys = Array.from(groups.keys(), (p) => names.of(cache, p)).flatMap((at) => [
        at.entries,
        at.index,
        at.state,
        at.dead,
      ]);
      const args = Array.from(groups).flatMap(([p, some]) => [
        pack(some.map(({ key }) => key)),
        some.map(({ version }) => String(version).padStart(16, '0')).join(''),
        seen?.get(p) ?? '',
      ]);
      return ask(scripts.dirtyAck(keys.length, ...keys, claimedAt, ...args));
    },

    async ledger(cache) {
      const keys = all.flatMap((p) => {
        const { entries, index, state, dead } = names.of(cache, p);
        return [entries, index, state, dead];
      });
      return ledgerOf(await ask(scripts.dirtyLedger(keys.length, ...keys)));
    },
  };
}

function claimOf(told: readonly (Buffer | number)[], wanted: readonly number[]): Claim {
  const rows: DirtyRow[] = [];
  const unreadable = new Map<number, number>();
  const seen = new Map<number, string>();
  for (let i = 2; i < told.length; i += 5) {
    const partition = wanted[told[i] as number]!;
    const [keys, entries] = [told[i + 2] as Buffer, told[i + 3] as Buffer];
    const [keySpans, spans] = [unpack(keys), unpack(entries)];
    let passed = told[i + 1] as number;
    for (let at = 0; at < spans.length; at += 2) {
      const key = keys.toString('utf8', keySpans[at], keySpans[at + 1]);
      const row = rowOf({ partition, key }, entries, spans[at]!, spans[at + 1]!);
      if (row === undefined) passed += 1;
      else rows.push(row);
    }
    if (passed > 0) unreadable.set(partition, passed);
    seen.set(partition, String(told[i + 4]));
  }
  return { rows, claimedAt: Number(told[0]), hasMore: String(told[1]) === '1', unreadable, seen };
}

function ledgerOf(told: readonly string[]): DirtyLedger {
  const [accepted, coalesced, flushed, dropped, pending, dead, lagUs] = told.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    accepted,
    coalesced,
    flushed,
    dropped,
    pending,
    dead,
    difference: accepted - coalesced - flushed - dropped - pending - dead,
    lagMs: Math.max(0, lagUs / 1_000),
  };
}
